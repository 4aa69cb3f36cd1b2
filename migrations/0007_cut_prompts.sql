-- Images whose prompt was longer than the model reads are few where all is well, and counted whenever a batch is looked at.
CREATE INDEX images_cut ON images (batch_id) WHERE prompt_tokens_used < prompt_tokens;
