// CRC32C three ways: tables, SSE4.2, ARMv8. A checksum is a polynomial over GF(2), bit 31 holding
// the coefficient of x^0. Appending n bytes multiplies the state by x^8n, which is why runs can be
// combined, and why three streams of one buffer can be computed side by side.
#include "cplatter.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

#define POLYNOMIAL UINT32_C(0x82F63B78)
#define ONE (UINT32_C(1) << 31)
#define LONG_STREAM 8192
#define SHORT_STREAM 256

typedef uint32_t (*update_function)(uint32_t state, const unsigned char *bytes, size_t length);

// Written once before main by the constructor below, only read after that.
static uint32_t slices[8][256];
static uint32_t long_shift[4][256];
static uint32_t short_shift[4][256];
static update_function fastest;

// MARK: - Arithmetic modulo the polynomial

static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = ONE; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = (b >> 1) ^ ((b & 1) ? POLYNOMIAL : 0);
    }
    return product;
}

// x^(8 * length)
static uint32_t power_of_bytes(uint64_t length) {
    uint32_t result = ONE;
    for (uint32_t square = ONE >> 8; length != 0; length >>= 1) {
        if (length & 1) result = multiply(result, square);
        square = multiply(square, square);
    }
    return result;
}

uint32_t platter_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length) {
    return multiply(power_of_bytes(second_length), first) ^ second;
}

// MARK: - Software, eight bytes a step

static uint64_t load64(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint32_t update_by_tables(uint32_t state, const unsigned char *bytes, size_t length) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word = load64(bytes) ^ state;
        state = 0;
        for (int i = 0; i < 8; i += 1) state ^= slices[7 - i][(word >> (8 * i)) & 0xFF];
    }
#endif
    for (; length > 0; bytes += 1, length -= 1)
        state = (state >> 8) ^ slices[0][(state ^ *bytes) & 0xFF];
    return state;
}

// MARK: - Hardware, three streams at once

#if defined(__x86_64__)
#define HARDWARE __attribute__((target("sse4.2")))
HARDWARE static inline uint32_t step8(uint32_t state, const unsigned char *bytes) {
    return (uint32_t)_mm_crc32_u64(state, load64(bytes));
}
HARDWARE static inline uint32_t step1(uint32_t state, unsigned char byte) {
    return _mm_crc32_u8(state, byte);
}
static int has_hardware(void) { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HARDWARE __attribute__((target("crc")))
HARDWARE static inline uint32_t step8(uint32_t state, const unsigned char *bytes) {
    return __crc32cd(state, load64(bytes));
}
HARDWARE static inline uint32_t step1(uint32_t state, unsigned char byte) {
    return __crc32cb(state, byte);
}
static int has_hardware(void) {
#if defined(__APPLE__)
    return 1;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & (1UL << 7)) != 0;  // HWCAP_CRC32
#else
    return 0;
#endif
}
#endif

#if defined(HARDWARE)
static inline uint32_t shift(uint32_t table[4][256], uint32_t state) {
    return table[0][state & 0xFF] ^ table[1][(state >> 8) & 0xFF] ^ table[2][(state >> 16) & 0xFF]
        ^ table[3][state >> 24];
}

// The instruction takes three cycles but one can start each cycle: three streams hide that.
HARDWARE static inline uint32_t update_streams(
    uint32_t state, const unsigned char *bytes, size_t stream, uint32_t table[4][256]
) {
    uint32_t second = 0;
    uint32_t third = 0;
    for (size_t i = 0; i < stream; i += 8) {
        state = step8(state, bytes + i);
        second = step8(second, bytes + stream + i);
        third = step8(third, bytes + 2 * stream + i);
    }
    return shift(table, shift(table, state) ^ second) ^ third;
}

HARDWARE static uint32_t update_by_instruction(
    uint32_t state, const unsigned char *bytes, size_t length
) {
    for (; length >= 3 * LONG_STREAM; bytes += 3 * LONG_STREAM, length -= 3 * LONG_STREAM)
        state = update_streams(state, bytes, LONG_STREAM, long_shift);
    for (; length >= 3 * SHORT_STREAM; bytes += 3 * SHORT_STREAM, length -= 3 * SHORT_STREAM)
        state = update_streams(state, bytes, SHORT_STREAM, short_shift);
    for (; length >= 8; bytes += 8, length -= 8) state = step8(state, bytes);
    for (; length > 0; bytes += 1, length -= 1) state = step1(state, *bytes);
    return state;
}
#else
static int has_hardware(void) { return 0; }
#define update_by_instruction update_by_tables
#endif

// MARK: - Choice

static void fill_shift(uint32_t table[4][256], uint64_t length) {
    uint32_t factor = power_of_bytes(length);
    for (uint32_t position = 0; position < 4; position += 1)
        for (uint32_t byte = 0; byte < 256; byte += 1)
            table[position][byte] = multiply(factor, byte << (8 * position));
}

__attribute__((constructor)) static void prepare(void) {
    for (uint32_t byte = 0; byte < 256; byte += 1) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit += 1)
            state = (state >> 1) ^ ((state & 1) ? POLYNOMIAL : 0);
        slices[0][byte] = state;
    }
    for (uint32_t byte = 0; byte < 256; byte += 1)
        for (int i = 1; i < 8; i += 1)
            slices[i][byte] =
                (slices[i - 1][byte] >> 8) ^ slices[0][slices[i - 1][byte] & 0xFF];
    fill_shift(long_shift, LONG_STREAM);
    fill_shift(short_shift, SHORT_STREAM);
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    fastest = has_hardware() ? update_by_instruction : update_by_tables;
}

uint32_t platter_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return ~fastest(~crc, bytes, length);
}

int platter_crc32c_has_path(int path) {
    return path == 0 || (path == 1 && has_hardware());
}

uint32_t platter_crc32c_by_path(int path, uint32_t crc, const void *bytes, size_t length) {
    if (path == 1 && has_hardware()) return ~update_by_instruction(~crc, bytes, length);
    return ~update_by_tables(~crc, bytes, length);
}
