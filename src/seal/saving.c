/* saving.c - how a hot copy saves its frame.
 *
 * A site's values are the locals that live there, by index, then its operands. They are stored
 * from the last to the first, so that sites whose values begin alike share that code: a tree.
 *
 *     a b ┬ c           site 1: a b c
 *         └ d ┬         site 2: a b d
 *             └ e       site 3: a b d e
 *
 *     block (result i32)   block (result i32)   block (result i32)   block (result i32)
 *       the address behind the record   br_table on the site
 *     end   local.get c   call push   br 1
 *     end   local.get e   call push
 *     end   local.get d   call push
 *     end   local.get a   local.get b   call push   drop
 *
 * A push takes the address and values, stores them below it and returns where that is. */
#include "base/sort.h"
#include "seal/body.h"

#include <stdlib.h>

#include "lower/liveness.h"

struct saved {
    uint32_t local;
    valtype type;
};

/* Sites with the same values. */
struct group {
    uint32_t site;         /* one of them */
    uint32_t next;         /* of the same live set: a group + 1, or 0 */
    uint32_t start, count; /* of its values */
    uint32_t node;         /* that saves them all */
};

/* The values of a group from those of the parent on, below `count`. */
struct node {
    uint32_t group, count, parent;
    uint32_t place; /* in the order in which they are written, children first */
    bool labelled;  /* something leads to it that does not stand right before it */
    uint32_t target;
};

struct saving {
    struct buffer groups; /* struct group */
    struct buffer values; /* struct saved, of all groups */
    struct buffer nodes;  /* struct node; the first is the root, without values */
    struct buffer order;  /* uint32_t: nodes as they are written */
    uint32_t *heads;      /* for each live set a group + 1 */
    uint32_t *group_of;   /* by site; NONE: no frame is saved there */
};

static struct group *group_at(const struct saving *s, uint32_t index)
{
    return (struct group *)(void *)s->groups.data + index;
}

static struct node *node_at(const struct saving *s, uint32_t index)
{
    return (struct node *)(void *)s->nodes.data + index;
}

static const struct saved *values_of(const struct saving *s, const struct group *group)
{
    const struct saved *values = (const struct saved *)(const void *)s->values.data;
    return group->count ? values + group->start : NULL;
}

static uint32_t group_count(const struct saving *s)
{
    return (uint32_t)(s->groups.size / sizeof(struct group));
}

static bool no_memory(const struct saving *s)
{
    return !s->heads || !s->group_of || s->groups.failed || s->values.failed || s->nodes.failed ||
           s->order.failed;
}

/* Groups. */

static void list_values(struct body *b, struct saving *s, struct group *group)
{
    const struct sealed_site *site = site_at(&b->sites, group->site);
    const uint64_t *live = site_live(&b->sites, site);
    group->start = (uint32_t)(s->values.size / sizeof(struct saved));
    for (uint32_t i = 0; i < b->func->nlocals; i++)
        if (is_live(live, i))
            buffer_put(&s->values, &(struct saved){i, b->local_types[i]}, sizeof(struct saved));
    for (uint32_t i = 0; i < site->noperands; i++) {
        const struct operand *operand = site_operand(&b->sites, site, i);
        if (operand->place == OPERAND_SLOT)
            buffer_put(&s->values, &(struct saved){temporary(b, i, operand->type), operand->type},
                       sizeof(struct saved));
    }
    group->count = (uint32_t)(s->values.size / sizeof(struct saved)) - group->start;
}

/* The class of the operand at that height, where the site has one with a slot of its own; else
 * NONE. */
static uint32_t slot_class(const struct body *b, const struct sealed_site *site, uint32_t height)
{
    const struct operand *operand =
        height < site->noperands ? site_operand(&b->sites, site, height) : NULL;
    return operand && operand->place == OPERAND_SLOT ? type_class(operand->type) : NONE;
}

static bool same_operands(const struct body *b, const struct sealed_site *x,
                          const struct sealed_site *y)
{
    uint32_t count = x->noperands > y->noperands ? x->noperands : y->noperands;
    for (uint32_t i = 0; i < count; i++)
        if (slot_class(b, x, i) != slot_class(b, y, i))
            return false;
    return true;
}

/* The group of a site, made if there is none like it. */
static uint32_t group_for(struct body *b, struct saving *s, uint32_t siteidx)
{
    const struct sealed_site *site = site_at(&b->sites, siteidx);
    struct group group = {.site = siteidx, .next = s->heads[site->set]};
    for (uint32_t next = group.next; next; next = group_at(s, next - 1)->next)
        if (same_operands(b, site, site_at(&b->sites, group_at(s, next - 1)->site)))
            return next - 1;
    list_values(b, s, &group);
    buffer_put(&s->groups, &group, sizeof group);
    if (!s->groups.failed)
        s->heads[site->set] = group_count(s);
    return s->heads[site->set] - 1;
}

/* Where hundreds of values live at thousands of sites, saving each site's own would be larger than
 * the function by far. False too when memory ran out. */
static bool find_groups(struct body *b, struct saving *s)
{
    uint32_t nsites = sites_count(&b->sites);
    size_t nsets = b->sites.sets.size / sizeof(uint64_t) / b->sites.words;
    size_t limit = 2 * (size_t)(b->func->code_end - b->func->code) * sizeof(struct saved);
    s->heads = calloc(nsets + 1, sizeof *s->heads);
    s->group_of = calloc(nsites + (size_t)1, sizeof *s->group_of);
    for (uint32_t i = 0; i < nsites && !no_memory(s) && s->values.size <= limit; i++)
        s->group_of[i] = b->used[i] ? group_for(b, s, i) : NONE;
    return !no_memory(s) && s->values.size <= limit;
}

/* The tree. */

/* A group's values, to be sorted. */
struct sequence_of {
    const struct saved *values;
    uint32_t count, group;
};

static uint32_t alike(const struct sequence_of *x, const struct sequence_of *y)
{
    uint32_t count = 0;
    while (count < x->count && count < y->count && x->values[count].local == y->values[count].local)
        count++;
    return count;
}

static int compare(const void *x, const void *y)
{
    const struct sequence_of *first = x, *second = y;
    uint32_t count = alike(first, second);
    int64_t a = count < first->count ? (int64_t)first->values[count].local : -1;
    int64_t c = count < second->count ? (int64_t)second->values[count].local : -1;
    return a < c ? -1 : a > c;
}

static uint32_t add_node(struct saving *s, uint32_t group, uint32_t count, uint32_t parent)
{
    buffer_put(&s->nodes, &(struct node){.group = group, .count = count, .parent = parent},
               sizeof(struct node));
    return (uint32_t)(s->nodes.size / sizeof(struct node)) - 1;
}

/* Ends the branch at `node` down to `count` values; returns the node that has as many. */
static uint32_t climb(struct saving *s, uint32_t node, uint32_t count)
{
    while (node_at(s, node)->count > count) {
        uint32_t parent = node_at(s, node)->parent;
        if (node_at(s, parent)->count < count) { /* the branch forks here */
            parent = add_node(s, node_at(s, node)->group, count, parent);
            if (s->nodes.failed)
                return 0;
            node_at(s, node)->parent = parent;
        }
        node_at(s, node)->place = (uint32_t)(s->order.size / sizeof node);
        buffer_put(&s->order, &node, sizeof node);
        node = parent;
    }
    return node;
}

static void grow_tree(struct saving *s, const struct sequence_of *list, uint32_t count)
{
    uint32_t node = add_node(s, 0, 0, 0);
    for (uint32_t i = 0; i < count && !s->nodes.failed; i++) {
        node = climb(s, node, i ? alike(&list[i - 1], &list[i]) : 0);
        if (list[i].count > node_at(s, node)->count)
            node = add_node(s, list[i].group, list[i].count, node);
        group_at(s, list[i].group)->node = node;
    }
    if (s->nodes.failed)
        return;
    climb(s, node, 0);
    node_at(s, 0)->place = (uint32_t)(s->order.size / sizeof node);
    buffer_put(&s->order, &(uint32_t){0}, sizeof(uint32_t));
}

static void make_tree(struct saving *s)
{
    uint32_t count = group_count(s);
    struct sequence_of *list = malloc(((size_t)count + 1) * sizeof *list);
    s->nodes.failed |= !list;
    for (uint32_t i = 0; list && i < count; i++)
        list[i] = (struct sequence_of){values_of(s, group_at(s, i)), group_at(s, i)->count, i};
    if (list) {
        sort(list, count, sizeof *list, compare);
        grow_tree(s, list, count);
    }
    free(list);
}

/* Writing. */

static uint32_t node_count(const struct saving *s)
{
    return (uint32_t)(s->order.size / sizeof(uint32_t));
}

static struct node *written(const struct saving *s, uint32_t place)
{
    return node_at(s, ((const uint32_t *)(const void *)s->order.data)[place]);
}

static void label_nodes(struct saving *s)
{
    for (uint32_t i = 0; group_count(s) > 1 && i < group_count(s); i++)
        node_at(s, group_at(s, i)->node)->labelled = true;
    for (uint32_t i = 0; i + 1 < node_count(s); i++) {
        struct node *parent = node_at(s, written(s, i)->parent);
        parent->labelled |= parent->place != i + 1;
    }
}

static void put_table(struct body *b, const struct saving *s, uint32_t site)
{
    uint32_t nsites = sites_count(&b->sites);
    put_op(b, WASM_LOCAL_GET, site);
    put_op(b, WASM_BR_TABLE, nsites - 1);
    for (uint32_t i = 0; i < nsites; i++)
        put_u32(b, s->group_of[i] == NONE
                       ? 0
                       : b->depth - node_at(s, group_at(s, s->group_of[i])->node)->target);
}

/* The node's own values, runs of one type, from the last on. */
static void put_pushes(struct body *b, const struct saving *s, const struct node *node)
{
    const struct saved *values = values_of(s, group_at(s, node->group));
    uint32_t first = node_at(s, node->parent)->count;
    for (uint32_t end = node->count; end > first;) {
        valtype types[16];
        uint32_t start = end, count = 0;
        while (start > first && end - start < 16 &&
               type_class(values[start - 1].type) == type_class(values[end - 1].type))
            start--;
        for (uint32_t i = start; i < end; i++) {
            types[count++] = values[i].type;
            put_op(b, WASM_LOCAL_GET, values[i].local);
        }
        put_op(b, WASM_CALL, plan_push_helper(b->plan, types, count));
        end = start;
    }
}

/* Between the address behind the record, on the stack, and nothing. */
static void put_tree(struct body *b, struct saving *s, uint32_t site)
{
    uint32_t count = node_count(s);
    label_nodes(s);
    for (uint32_t i = count; i-- > 0;)
        if (written(s, i)->labelled) {
            open_block(b, WASM_BLOCK, TYPE_I32);
            written(s, i)->target = b->depth;
        }
    put_frame(b, RUNTIME_push_frame, site);
    if (group_count(s) > 1)
        put_table(b, s, site);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = written(s, i), *parent = node_at(s, node->parent);
        if (node->labelled)
            close_block(b);
        put_pushes(b, s, node);
        if (i + 1 < count && parent->place != i + 1)
            put_branch(b, WASM_BR, parent->target);
    }
    put_byte(b, WASM_DROP);
}

bool save_hot(struct body *b, uint32_t site)
{
    struct saving s = {0};
    bool few = find_groups(b, &s);
    if (few)
        make_tree(&s);
    if (no_memory(&s))
        b->code->failed = true;
    else if (few)
        put_tree(b, &s, site);
    buffer_free(&s.groups);
    buffer_free(&s.values);
    buffer_free(&s.nodes);
    buffer_free(&s.order);
    free(s.heads);
    free(s.group_of);
    return few;
}
