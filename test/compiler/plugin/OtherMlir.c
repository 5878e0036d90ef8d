/* Stands for the MLIR of another LLVM. */
int phic_test_other_mlir(void) { return 17; }
