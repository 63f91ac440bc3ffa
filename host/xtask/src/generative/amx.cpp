// Whether this compiler gives the processor what a tile is configured to: as llama.cpp does it, member by member and then at once.
// GCC before 12.4 and 13.3 (its bug 114098) tells its optimiser that eight bytes of the configuration are read, so that the rest may
// never be written; the first use of a tile is an illegal instruction then. Ends well where tiles work, or where there are none.
#if defined(__AMX_TILE__) && defined(__linux__)
#include <cstdint>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

struct Config {
    uint8_t palette = 0, start = 0, reserved[14] = {0};
    uint16_t bytes[16] = {0};
    uint8_t rows[16] = {0};
};

static void configure() {
    static thread_local bool done = false;
    if (done) return;
    alignas(64) Config config = {};
    config.palette = 1;
    config.start = 0;
    config.rows[0] = 8;
    config.bytes[0] = 64;
    config.rows[1] = 8;
    config.bytes[1] = 64;
    config.rows[2] = 16;
    config.bytes[2] = 32;
    config.rows[3] = 16;
    config.bytes[3] = 32;
    config.rows[4] = 16;
    config.bytes[4] = 64;
    config.rows[5] = 16;
    config.bytes[5] = 64;
    config.rows[6] = 16;
    config.bytes[6] = 64;
    config.rows[7] = 16;
    config.bytes[7] = 64;
    _tile_loadconfig(&config);
    done = true;
}

int main() {
    // Linux wants to be asked for the tiles' memory (ARCH_REQ_XCOMP_PERM); where it says no, llama.cpp does without.
    if (syscall(SYS_arch_prctl, 0x1023, 18)) return 0;
    configure();
    _tile_zero(4);
    _tile_release();
}
#else
int main() {}
#endif
