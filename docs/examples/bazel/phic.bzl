"""phic_model: compiles a quantized language model to a native program."""

def _phic_model_impl(ctx):
    info = ctx.toolchains["//:phic_toolchain_type"].phic
    program = ctx.actions.declare_file(ctx.label.name)

    # phic takes a folder: the one that holds model.onnx, or the .gguf itself. All files are named, none is looked for.
    entry = [file for file in ctx.files.srcs if file.basename == "model.onnx" or file.extension == "gguf"]
    if len(entry) != 1:
        fail("srcs must hold exactly one model.onnx or .gguf file, and has %d" % len(entry))

    arguments = ctx.actions.args()
    arguments.add("build")
    arguments.add(entry[0] if entry[0].extension == "gguf" else entry[0].dirname)
    arguments.add("-o", program)
    arguments.add("--target", ctx.attr.target)
    if ctx.attr.cpu:
        arguments.add("--cpu", ctx.attr.cpu)
    arguments.add("--quiet")
    arguments.add("--no-cache")  # Bazel's own cache does it, and a folder outside the sandbox would not be hermetic
    arguments.add_all(ctx.attr.options)

    ctx.actions.run(
        executable = info.compiler,
        arguments = [arguments],
        inputs = ctx.files.srcs,
        tools = info.files,
        outputs = [program],
        env = {},  # nothing of the client's environment
        mnemonic = "PhicModel",
        progress_message = "Compiling model %{label}",
        execution_requirements = {"block-network": "1"},
    )
    return [DefaultInfo(files = depset([program]), executable = program)]

phic_model = rule(
    implementation = _phic_model_impl,
    executable = True,
    attrs = {
        "srcs": attr.label_list(allow_files = True, mandatory = True, doc = "every file of the model"),
        "target": attr.string(default = "x86_64-linux", doc = "system that the program runs on"),
        "cpu": attr.string(doc = "CPU level; default: the target's first"),
        "options": attr.string_list(doc = "further flags of phic build"),
    },
    toolchains = ["//:phic_toolchain_type"],
)

def _phic_toolchain_impl(ctx):
    return [platform_common.ToolchainInfo(phic = struct(
        compiler = ctx.executable.compiler,
        files = depset(ctx.files.files),
    ))]

phic_toolchain = rule(
    implementation = _phic_toolchain_impl,
    attrs = {
        "compiler": attr.label(executable = True, cfg = "exec", allow_single_file = True, mandatory = True),
        "files": attr.label_list(allow_files = True, cfg = "exec", doc = "libphic, libHalide, LLVM, MLIR, the runtime"),
    },
)
