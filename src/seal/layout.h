/* layout.h - what a sealed module's runtime has to be told: linker.c writes these numbers over the
 * runtime's symbol sealed_layout, as u32 each. */
#ifndef SEAL_LAYOUT_H
#define SEAL_LAYOUT_H

/* Slots at sealed_values: 1,000 for arguments and results, and one for the address of a record. */
enum { SLOTS_VALUES = 1000, SLOTS_COUNT };

enum layout_field {
    LAYOUT_MODULE, /* the guest's module: address, size */
    LAYOUT_MODULE_SIZE,
    LAYOUT_HEAP_END,     /* of the heap that begins at __heap_base */
    LAYOUT_MEMORY_START, /* the guest's address 0 */
    LAYOUT_SNAPSHOT,     /* that the module begins with: address, size; 0: none */
    LAYOUT_SNAPSHOT_SIZE,
    LAYOUT_TABLE_IS_FIXED,  /* the guest never changes its table 0: the host's has its elements */
    LAYOUT_MEMORY_IS_APART, /* the guest has a memory of its own, see exec/reach.h */
    LAYOUT_MODULE_HASH,     /* the bytes of its digest */
    LAYOUT_COUNT = LAYOUT_MODULE_HASH + 8
};

#endif
