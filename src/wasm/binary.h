/* binary.h - the bytes by which the binary format names sections and types. (Specification, Binary
 * Format.) Those of proposals are there to say what is missing. */
#ifndef WASM_BINARY_H
#define WASM_BINARY_H

/* Value types that are not in module.h, and what stands before a heap type. */
enum {
    TYPE_V128 = 0x7B,
    TYPE_I8 = 0x78,
    TYPE_I16 = 0x77,
    TYPE_NULLCONTREF = 0x75,
    TYPE_NULLEXNREF = 0x74,
    TYPE_EXNREF = 0x69,
    TYPE_CONTREF = 0x68,
    TYPE_STRINGREF = 0x67,
    TYPE_SHARED = 0x65,
    TYPE_REF = 0x64,
    TYPE_REF_NULL = 0x63,
    TYPE_EXACT = 0x62
};

/* What begins a type of the type section. */
enum {
    FORM_FUNC = 0x60,
    FORM_STRUCT = 0x5F,
    FORM_ARRAY = 0x5E,
    FORM_CONT = 0x5D,
    FORM_SUB = 0x50,
    FORM_SUB_FINAL = 0x4F,
    FORM_REC = 0x4E,
    FORM_DESCRIPTOR = 0x4D,
    FORM_DESCRIBES = 0x4C
};

/* Sections by their id. */
enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_TAG,
    SECTION_STRINGS
};

#endif
