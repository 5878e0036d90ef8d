/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Entry points of the miniature kernel (see kernel.c). */
        .section .text.start, "ax"
        .globl start
start:  /* from the boot ROM: 64-bit mode, physical addresses, rsi = boot info */
        movabsq $high, %rax
        jmp *%rax
high:
        movq $kernel_stack_top, %rsp
        lgdt gdtr
        movl $0x10, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        pushq $0x08
        pushq $1f
        lretq
1:      movq %rsi, %rdi
        call kernel_main
2:      hlt
        jmp 2b

        .text
        .globl syscall_entry
syscall_entry:                      /* one CPU, interrupts never on */
        movq %rsp, user_rsp
        movq $kernel_stack_top, %rsp
        pushq $0x23                 /* ss */
        pushq user_rsp
        pushq %r11                  /* rflags */
        pushq $0x2b                 /* cs */
        pushq %rcx                  /* rip */
        pushq $0                    /* error code */
        pushq $256                  /* vector */
        jmp common

        .macro stub n
        .balign 16
        .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21) || (\n == 29) || (\n == 30)
        .else
        pushq $0
        .endif
        pushq $\n
        jmp common
        .endm

        .balign 16
        .globl exception_stubs
exception_stubs:
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        stub \n
        .endr
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        stub \n
        .endr

common: pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        cld
        movq %rsp, %rdi
        call trap
        .globl leave_kernel
leave_kernel:
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        popq %rbp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rbx
        popq %rax
        addq $16, %rsp
        iretq

        .globl enter_user           /* rdi: frame */
enter_user:
        movq %rdi, %rsp
        jmp leave_kernel

        .data
        .balign 16
        .globl gdt
gdt:    .quad 0
        .quad 0x00af9b000000ffff    /* 0x08 kernel code */
        .quad 0x00cf93000000ffff    /* 0x10 kernel data */
        .quad 0x00cffb000000ffff    /* 0x18 32-bit user code (for sysret's layout) */
        .quad 0x00cff3000000ffff    /* 0x20 user data */
        .quad 0x00affb000000ffff    /* 0x28 user code */
        .quad 0, 0                  /* 0x30 task state */
gdtr:   .word . - gdt - 1
        .quad gdt

        .bss
        .balign 16
user_rsp: .skip 16
        .skip 65536
        .globl kernel_stack_top
kernel_stack_top:
        .skip 16
        .section .note.GNU-stack, "", @progbits
