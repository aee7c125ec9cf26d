/* A hash table, a sort and a little arithmetic, for compilers to compile. */
typedef unsigned int u32;
struct entry {
    u32 key, count;
    struct entry *next;
};
static struct entry entries[256], *table[64];
static u32 used;
static u32 mix(u32 x)
{
    x ^= x >> 7;
    x *= 0x9E3779B1u;
    return x ^ (x >> 11);
}
struct entry *find(u32 key)
{
    struct entry **at = &table[mix(key) % 64];
    for (; *at; at = &(*at)->next)
        if ((*at)->key == key)
            return *at;
    if (used == 256)
        return 0;
    *at = &entries[used++];
    (*at)->key = key;
    return *at;
}
void sort(int *values, int count)
{
    for (int i = 1; i < count; i++) {
        int value = values[i], j = i;
        for (; j > 0 && values[j - 1] > value; j--)
            values[j] = values[j - 1];
        values[j] = value;
    }
}
double series(int terms)
{
    double sum = 0, sign = 1;
    for (int i = 0; i < terms; i++, sign = -sign)
        sum += sign / (2 * i + 1);
    return 4 * sum;
}
int dispatch(const unsigned char *code, int *stack)
{
    for (int *top = stack;;)
        switch (*code++) {
        case 0: return *--top;
        case 1: *top++ = *code++; break;
        case 2:
            top--;
            top[-1] += *top;
            break;
        case 3:
            top--;
            top[-1] *= *top;
            break;
        case 4:
            if (*--top)
                code -= *code;
            else
                code++;
            break;
        default: return -1;
        }
}
int main(void)
{
    int values[16];
    for (u32 i = 0; i < 1000; i++) {
        struct entry *entry = find(mix(i) % 200);
        if (entry)
            entry->count++;
        values[i % 16] = (int)mix(i);
    }
    sort(values, 16);
    return values[0] < values[15] && series(10) > 3;
}
