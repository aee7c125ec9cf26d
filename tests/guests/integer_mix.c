// integer_mix N: N rounds (default 100) of the kinds of work that CoreMark is made of: a linked
// list that is searched and sorted, a small matrix, a state machine over text, and a checksum over
// all of it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 200
#define SIDE  12

struct node {
    struct node *next;
    int16_t value, index;
};

static uint16_t crc16(uint16_t crc, uint32_t value)
{
    for (int i = 0; i < 16; i++, value >>= 1)
        crc = (uint16_t)(crc >> 1 ^ ((crc ^ value) & 1 ? 0xA001 : 0));
    return crc;
}

static struct node *find(struct node *list, int16_t value)
{
    while (list && list->value != value)
        list = list->next;
    return list;
}

static struct node *reverse(struct node *list)
{
    struct node *result = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = result;
        result = list;
        list = next;
    }
    return result;
}

/* Merge sort, from the bottom up. */
static struct node *sort(struct node *list)
{
    for (int width = 1;; width *= 2) {
        struct node *p = list, *tail = NULL;
        int merges = 0;
        for (list = NULL; p; merges++) {
            struct node *q = p;
            int left = 0, right = width;
            while (left < width && q)
                left++, q = q->next;
            while (left > 0 || (right > 0 && q)) {
                struct node *taken;
                if (left == 0 || (right > 0 && q && q->value < p->value))
                    taken = q, q = q->next, right--;
                else
                    taken = p, p = p->next, left--;
                if (tail)
                    tail->next = taken;
                else
                    list = taken;
                tail = taken;
            }
            p = q;
        }
        tail->next = NULL;
        if (merges <= 1)
            return list;
    }
}

static uint32_t matrix(int16_t a[SIDE][SIDE], int16_t b[SIDE][SIDE], int16_t scale)
{
    uint32_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t cell = 0;
            for (int k = 0; k < SIDE; k++)
                cell += (int32_t)a[i][k] * (b[k][j] + scale);
            sum += (uint32_t)(cell >> 2 & 0xFFF);
        }
    return sum;
}

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, BAD, STATES };

/* Counts the kinds of numbers in a line of text. */
static void scan(const char *text, uint32_t counts[STATES])
{
    enum state state = START;
    for (; *text; text++) {
        char c = *text;
        if (c == ',') {
            counts[state]++;
            state = START;
            continue;
        }
        switch (state) {
        case START:
            state = c >= '0' && c <= '9' ? INTEGER : c == '-' || c == '+' ? SIGN : BAD;
            break;
        case SIGN: state = c >= '0' && c <= '9' ? INTEGER : BAD; break;
        case INTEGER:
            state = c == '.' ? POINT : c == 'e' ? EXPONENT : c >= '0' && c <= '9' ? INTEGER : BAD;
            break;
        case POINT:
        case FRACTION: state = c == 'e' ? EXPONENT : c >= '0' && c <= '9' ? FRACTION : BAD; break;
        case EXPONENT: state = (c >= '0' && c <= '9') || c == '-' ? EXPONENT : BAD; break;
        default: break;
        }
    }
    counts[state]++;
}

int main(int argc, char **argv)
{
    static struct node nodes[NODES];
    static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
    static const char text[] =
        "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,"
        "-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^";
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100;
    uint16_t crc = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = (int16_t)(i * 7 % 50);
        b[i / SIDE][i % SIDE] = (int16_t)(i * 11 % 60 - 30);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < NODES; i++)
            nodes[i] = (struct node){i + 1 < NODES ? &nodes[i + 1] : NULL,
                                     (int16_t)((i * 7919u + round) % 1009), (int16_t)i};
        struct node *list = nodes;
        for (int i = 0; i < 16; i++) {
            struct node *found = find(list, (int16_t)(i * 63 + (int)(round % 50)));
            crc = crc16(crc, found ? (uint32_t)found->index : 0xFFFF);
            list = reverse(list);
        }
        list = sort(list);
        for (struct node *node = list; node; node = node->next)
            crc = crc16(crc, (uint16_t)node->value);
        crc = crc16(crc, matrix(a, b, (int16_t)(round % 16)));
        uint32_t counts[STATES] = {0};
        scan(text, counts);
        for (int i = 0; i < STATES; i++)
            crc = crc16(crc, counts[i]);
    }
    printf("%u rounds: %04x\n", (unsigned)rounds, crc);
    return 0;
}
