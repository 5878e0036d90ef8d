/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Boot ROM of the emulated machine (64 KiB, mapped at 0xffff0000).
 *
 * Bochs loads the boot image straight into RAM at 1 MiB ("optramimage1"), so
 * no BIOS, boot loader or disk is needed: this ROM goes from the reset vector
 * to 64-bit mode and jumps to the image's entry point.
 *
 * Bochs hands out guest RAM in 128 KiB blocks, in the order in which they are
 * first touched, while it reads the image linearly over the blocks that follow
 * the first one. Touching all blocks once, in rising order and before anything
 * else in RAM is used, makes the two agree. Hence no stack and no RAM below
 * 1 MiB until that loop is done.
 *
 * Image header at 0x100000 (see host.c): 0 magic "AVX5", 4 end of RAM,
 * 8 page-table root, 16 entry point, 24 value for rsi.
 */
        .set BASE, 0xffff0000
        .set HDR, 0x100000

        .section .text
        .code16
start16:
        cli
        cld
        data32 lgdt %cs:(gdtr - rom)
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $(BASE + start32 - rom)

        .code32
start32:
        movw $0x18, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        inb $0x92, %al              /* A20 on, without resetting */
        orb $2, %al
        andb $0xfe, %al
        outb %al, $0x92
        cmpl $0x35585641, HDR       /* "AVX5" */
        jne dead
        movl $HDR, %esi
        movl HDR + 4, %edi
1:      movl (%esi), %eax           /* allocate every block, in order */
        addl $0x20000, %esi
        cmpl %edi, %esi
        jb 1b

        movl %cr4, %eax
        orl $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
        movl %eax, %cr4
        movl HDR + 8, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx      /* EFER.LME */
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl $0x80000011, %eax      /* PG, ET, PE */
        movl %eax, %cr0
        ljmp $0x10, $(BASE + start64 - rom)
dead:
        hlt
        jmp dead

        .code64
start64:
        movl $0x18, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movq HDR + 16, %rax
        movq HDR + 24, %rsi
        xorl %ebx, %ebx
        xorl %ebp, %ebp
        xorl %edi, %edi
        jmp *%rax

        .balign 16
gdt:    .quad 0
        .quad 0x00cf9b000000ffff    /* 0x08: 32-bit code */
        .quad 0x00af9b000000ffff    /* 0x10: 64-bit code */
        .quad 0x00cf93000000ffff    /* 0x18: data */
gdtr:   .word . - gdt - 1
        .long BASE + gdt - rom
        .set rom, start16

        .org 0xfff0, 0
        .code16
        jmp start16
        .org 0x10000, 0
