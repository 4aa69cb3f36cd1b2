#include "packshot_png_shim.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// What a longjmp may come back to lives on the heap: automatic variables changed after setjmp would be undefined.
typedef struct {
    jmp_buf jump;
    // First error, or a warning that counts as one.
    char message[PACKSHOT_PNG_ERROR_SIZE];
} fault;

static void fault_set(fault *fault, const char *text) {
    strncpy(fault->message, text, PACKSHOT_PNG_ERROR_SIZE - 1);
}

static void fault_report(const fault *fault, char *error) {
    memcpy(error, fault->message, PACKSHOT_PNG_ERROR_SIZE);
}

static void on_error(png_structp png, png_const_charp text) {
    fault *fault = png_get_error_ptr(png);
    fault_set(fault, text);
    longjmp(fault->jump, 1);
}

// libpng drops text chunks it cannot read with a warning. Callers come for the text, so that is an error here;
// other warnings are about chunks nobody asked for.
static void on_warning(png_structp png, png_const_charp text) {
    fault *fault = png_get_error_ptr(png);
    if (fault->message[0] == 0 &&
        (strncmp(text, "tEXt", 4) == 0 || strncmp(text, "zTXt", 4) == 0 || strncmp(text, "iTXt", 4) == 0)) {
        fault_set(fault, text);
    }
}

// MARK: Writing

typedef struct {
    fault fault;
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    png_structp png;
    png_infop info;
} writer;

static void append(png_structp png, png_bytep data, size_t count) {
    writer *writer = png_get_io_ptr(png);
    if (count > writer->capacity - writer->size) {
        size_t capacity = writer->capacity;
        while (count > capacity - writer->size) {
            if (capacity > SIZE_MAX / 2) { png_error(png, "the file would be too large"); }
            capacity *= 2;
        }
        uint8_t *grown = realloc(writer->bytes, capacity);
        if (grown == NULL) { png_error(png, "out of memory"); }
        writer->bytes = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->bytes + writer->size, data, count);
    writer->size += count;
}

static void flush_nothing(png_structp png) { (void)png; }

static int write_all(
    writer *writer, uint32_t width, uint32_t height, int channels, const uint8_t *pixels,
    const packshot_png_text *texts, int text_count, packshot_png_compression compression) {
    if (setjmp(writer->fault.jump)) { return -1; }

    writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer->fault, on_error, on_warning);
    writer->info = writer->png == NULL ? NULL : png_create_info_struct(writer->png);
    if (writer->info == NULL) {
        fault_set(&writer->fault, "out of memory, or libpng's version differs from its header's");
        return -1;
    }
    png_set_write_fn(writer->png, writer, append, flush_nothing);
    png_set_compression_level(writer->png, compression.level);
    png_set_compression_strategy(writer->png, compression.strategy);
    png_set_filter(writer->png, PNG_FILTER_TYPE_BASE, compression.filters);

    int color = channels == 1 ? PNG_COLOR_TYPE_GRAY : channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_IHDR(
        writer->png, writer->info, width, height, 8, color, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
        PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(writer->png, writer->info, PNG_sRGB_INTENT_PERCEPTUAL);
    for (int i = 0; i < text_count; i++) {
        png_text text = {0};
        text.compression = texts[i].international ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
        text.key = (png_charp)texts[i].keyword;
        text.text = (png_charp)texts[i].text;
        png_set_text(writer->png, writer->info, &text, 1);
    }
    png_write_info(writer->png, writer->info);
    size_t stride = (size_t)width * (size_t)channels;
    for (uint32_t row = 0; row < height; row++) { png_write_row(writer->png, pixels + row * stride); }
    png_write_end(writer->png, NULL);
    return writer->fault.message[0] == 0 ? 0 : -1;
}

uint8_t *packshot_png_write(
    uint32_t width, uint32_t height, int channels, const uint8_t *pixels, const packshot_png_text *texts,
    int text_count, packshot_png_compression compression, size_t *size, char error[PACKSHOT_PNG_ERROR_SIZE]) {
    writer *state = calloc(1, sizeof(writer));
    if (state != NULL) { state->bytes = malloc(state->capacity = 1 << 16); }
    if (state == NULL || state->bytes == NULL) {
        free(state);
        strcpy(error, "out of memory");
        return NULL;
    }
    int result = write_all(state, width, height, channels, pixels, texts, text_count, compression);
    if (state->png != NULL) { png_destroy_write_struct(&state->png, &state->info); }
    fault_report(&state->fault, error);
    uint8_t *bytes = state->bytes;
    *size = state->size;
    free(state);
    if (result == 0) { return bytes; }
    free(bytes);
    return NULL;
}

void packshot_png_free(uint8_t *bytes) { free(bytes); }

// MARK: Reading

struct packshot_png_reader {
    fault fault;
    const uint8_t *bytes;
    size_t size;
    size_t position;
    png_structp png;
    png_infop info;
    packshot_png_header header;
};

static void take(png_structp png, png_bytep data, size_t count) {
    packshot_png_reader *reader = png_get_io_ptr(png);
    if (count > reader->size - reader->position) { png_error(png, "the file is cut off"); }
    memcpy(data, reader->bytes + reader->position, count);
    reader->position += count;
}

static int read_header(packshot_png_reader *reader, size_t chunk_bytes, uint32_t chunk_count) {
    if (setjmp(reader->fault.jump)) { return -1; }

    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader->fault, on_error, on_warning);
    reader->info = reader->png == NULL ? NULL : png_create_info_struct(reader->png);
    if (reader->info == NULL) {
        fault_set(&reader->fault, "out of memory, or libpng's version differs from its header's");
        return -1;
    }
    png_structp png = reader->png;
    png_set_read_fn(png, reader, take);
    png_set_chunk_malloc_max(png, chunk_bytes);
    // libpng stops when its count of free places comes down to one.
    png_set_chunk_cache_max(png, chunk_count < UINT32_MAX - 2 ? chunk_count + 2 : UINT32_MAX);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    // Chunks nobody asked for are stepped over, not parsed: less code for a hostile file to reach.
    static const png_byte unused[] = "cHRM\0eXIf\0gAMA\0hIST\0iCCP\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0tIME\0bKGD";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unused, (int)(sizeof(unused) / 5));
    png_read_info(png, reader->info);

    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    reader->header.width = png_get_image_width(png, reader->info);
    reader->header.height = png_get_image_height(png, reader->info);
    reader->header.channels = png_get_channels(png, reader->info);
    if (png_get_rowbytes(png, reader->info) != (size_t)reader->header.width * (size_t)reader->header.channels) {
        png_error(png, "libpng's row size is not what its conversions should give");
    }
    return reader->fault.message[0] == 0 ? 0 : -1;
}

packshot_png_reader *packshot_png_reader_open(
    const uint8_t *bytes, size_t size, size_t chunk_bytes, uint32_t chunk_count, packshot_png_header *header,
    char error[PACKSHOT_PNG_ERROR_SIZE]) {
    packshot_png_reader *reader = calloc(1, sizeof(packshot_png_reader));
    if (reader == NULL) {
        strcpy(error, "out of memory");
        return NULL;
    }
    reader->bytes = bytes;
    reader->size = size;
    if (read_header(reader, chunk_bytes, chunk_count) == 0) {
        *header = reader->header;
        return reader;
    }
    fault_report(&reader->fault, error);
    packshot_png_reader_close(reader);
    return NULL;
}

static int read_pixels(packshot_png_reader *reader, uint8_t *pixels) {
    if (setjmp(reader->fault.jump)) { return -1; }

    // png_read_update_info has been called, so this only says how many passes there are.
    int passes = png_get_interlace_type(reader->png, reader->info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    size_t stride = (size_t)reader->header.width * (size_t)reader->header.channels;
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t row = 0; row < reader->header.height; row++) {
            png_read_row(reader->png, pixels + row * stride, NULL);
        }
    }
    png_read_end(reader->png, reader->info);
    return reader->fault.message[0] == 0 ? 0 : -1;
}

int packshot_png_reader_read(packshot_png_reader *reader, uint8_t *pixels, char error[PACKSHOT_PNG_ERROR_SIZE]) {
    int result = read_pixels(reader, pixels);
    fault_report(&reader->fault, error);
    return result;
}

int packshot_png_reader_text_count(packshot_png_reader *reader) {
    png_textp texts = NULL;
    int count = 0;
    png_get_text(reader->png, reader->info, &texts, &count);
    return count;
}

packshot_png_text packshot_png_reader_text(packshot_png_reader *reader, int index) {
    png_textp texts = NULL;
    int count = 0;
    png_get_text(reader->png, reader->info, &texts, &count);
    packshot_png_text result = {0};
    if (index >= 0 && index < count) {
        result.international = texts[index].compression >= PNG_ITXT_COMPRESSION_NONE;
        result.keyword = texts[index].key;
        result.text = texts[index].text;
        result.length = result.international ? texts[index].itxt_length : texts[index].text_length;
    }
    return result;
}

void packshot_png_reader_close(packshot_png_reader *reader) {
    if (reader->png != NULL) { png_destroy_read_struct(&reader->png, &reader->info, NULL); }
    free(reader);
}
