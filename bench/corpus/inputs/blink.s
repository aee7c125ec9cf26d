; A few hundred instructions for the assembler.
.macro step n
    ldi r16, \n
    out 0x05, r16
    add r17, r16
    brne 1f
    rcall delay
1:  eor r18, r17
.endm
.text
.global main
main:
.rept 60
    step 1
    step 2
    step 4
.endr
    rjmp main
delay:
    dec r20
    brne delay
    ret
