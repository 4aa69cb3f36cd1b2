// libpng reports errors with longjmp, which must not cross a Swift frame. These few functions keep every setjmp in C:
// they return normally, with the error as text. They hold no policy; PNGImage decides what to write and what to accept.

#ifndef PACKSHOT_PNG_SHIM_H
#define PACKSHOT_PNG_SHIM_H

#include <stddef.h>
#include <stdint.h>

/// Size of the buffers that take an error's text, its NUL included.
#define PACKSHOT_PNG_ERROR_SIZE 256

/// How hard to compress.
typedef struct {
    /// zlib level, 0...9.
    int level;
    /// zlib strategy: 0 default, 1 filtered, 2 Huffman only, 3 run lengths.
    int strategy;
    /// libpng's PNG_FILTER_* bits; 0xF8 tries all five for each row.
    int filters;
} packshot_png_compression;

/// A text chunk, NUL-terminated.
typedef struct {
    /// 1 to 79 Latin-1 bytes.
    const char *keyword;
    const char *text;
    /// Bytes of text without the NUL.
    size_t length;
    /// 1 for iTXt (UTF-8), 0 for tEXt or zTXt (Latin-1). Written uncompressed.
    int international;
} packshot_png_text;

/// What a reader will deliver, after its conversions.
typedef struct {
    uint32_t width;
    uint32_t height;
    /// 3 (RGB) or 4 (RGBA), one byte each.
    int channels;
} packshot_png_header;

/// Encodes 8-bit pixels (1, 3 or 4 channels, rows from the top without padding), text chunks first.
/// Returns bytes for packshot_png_free(), or NULL and an error.
uint8_t *packshot_png_write(
    uint32_t width, uint32_t height, int channels, const uint8_t *pixels, const packshot_png_text *texts,
    int text_count, packshot_png_compression compression, size_t *size, char error[PACKSHOT_PNG_ERROR_SIZE]);

/// Frees what packshot_png_write returned.
void packshot_png_free(uint8_t *bytes);

/// A PNG being read.
typedef struct packshot_png_reader packshot_png_reader;

/// Reads up to the pixels. The bytes must stay until the reader is closed.
/// Chunks above `chunk_bytes`, more than `chunk_count` text chunks and CRC errors are errors.
/// Returns NULL and an error when it cannot.
packshot_png_reader *packshot_png_reader_open(
    const uint8_t *bytes, size_t size, size_t chunk_bytes, uint32_t chunk_count, packshot_png_header *header,
    char error[PACKSHOT_PNG_ERROR_SIZE]);

/// Reads the pixels, width * height * channels bytes, and the chunks after them. Once per reader.
/// Returns 0, or -1 and an error.
int packshot_png_reader_read(packshot_png_reader *reader, uint8_t *pixels, char error[PACKSHOT_PNG_ERROR_SIZE]);

/// Number of text chunks read so far.
int packshot_png_reader_text_count(packshot_png_reader *reader);

/// A text chunk, in file order. It belongs to the reader.
packshot_png_text packshot_png_reader_text(packshot_png_reader *reader, int index);

/// Frees the reader and all it lent.
void packshot_png_reader_close(packshot_png_reader *reader);

#endif
