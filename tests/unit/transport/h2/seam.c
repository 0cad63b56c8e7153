#include "transport/h2/framing/seam.h"

#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

static struct seam seam;

/* The preface, SETTINGS, a header block in three frames, DATA: and where each of them ends. */
static const uint8_t dialogue[] = NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0"
                                                       "\0\0\3\1\0\0\0\0\1abc"
                                                       "\0\0\0\11\0\0\0\0\1"
                                                       "\0\0\1\11\4\0\0\0\1d"
                                                       "\0\0\5\0\1\0\0\0\1hello";
static const size_t ends[] = {24, 33, 64, 78};
enum { LEN = sizeof dialogue - 1, N_ENDS = sizeof ends / sizeof *ends };

static unsigned n_complete(size_t len)
{
    unsigned n = 0;
    while (n < N_ENDS && ends[n] <= len)
        n++;
    return n;
}

static unsigned feed(const uint8_t *bytes, size_t len)
{
    unsigned n_heads = 0;
    while (seam_next(&seam, &bytes, &len))
        n_heads++;
    return n_heads;
}

static void expect_seam_at(size_t len)
{
    unsigned n = n_complete(len);
    cr_assert_eq(seam.n_done, n, "at %zu: %u", len, seam.n_done);
    cr_assert_eq(seam_is_clean(&seam), n && ends[n - 1] == len, "at %zu", len);
}

Test(seam, every_cut_of_a_dialogue)
{
    cr_assert_eq(LEN, ends[N_ENDS - 1]);
    for (size_t len = 0; len <= LEN; len++) {
        seam_init(&seam);
        unsigned n_heads = feed(dialogue, len);
        expect_seam_at(len);
        n_heads += feed(dialogue + len, LEN - len);
        cr_assert_eq(n_heads, 5);
        expect_seam_at(LEN);
    }
}

Test(seam, every_byte_by_itself)
{
    seam_init(&seam);
    for (size_t len = 0; len < LEN; len++) {
        feed(dialogue + len, 1);
        expect_seam_at(len + 1);
    }
}
