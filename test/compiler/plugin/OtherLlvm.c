/* A plugin that was linked with it. */
int mlirGetPassPluginInfo(void) { return 0; }
