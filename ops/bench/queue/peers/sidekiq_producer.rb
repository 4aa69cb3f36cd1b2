# frozen_string_literal: true

# Gives jobs to Sidekiq; arguments and output as in producer.py.
require "json"
require "sidekiq"

class BenchJob
  include Sidekiq::Worker
end

def monotonic = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)

mode = ARGV[0]
count = ARGV[1].to_i
seconds = ARGV[2].to_f
limit = (ARGV[3] || Float::INFINITY).to_f
seconds = 0 if seconds.zero?

done = 0
start = monotonic
while done < count && monotonic - start < limit
  if mode == "bulk"
    upper = [done + 1000, count].min
    sent = now
    BenchJob.perform_bulk((done...upper).map { |job| [job, seconds, sent] }, batch_size: 1000)
    done = upper
    next
  end
  sleep([0.0, start + done * 0.03 - monotonic].max) if mode == "paced"
  BenchJob.perform_async(done, seconds, now)
  done += 1
end
puts JSON.generate(jobs: done, seconds: monotonic - start)
