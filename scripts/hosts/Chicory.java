// Runs a WASI preview 1 command module in Chicory, like the command line of other hosts:
//   chicory [--compile] [--dir DIRECTORY]... MODULE [ARGUMENTS]
import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.HostFunction;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.wasi.WasiExitException;
import com.dylibso.chicory.wasi.WasiOptions;
import com.dylibso.chicory.wasi.WasiPreview1;
import com.dylibso.chicory.wasm.Parser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class Chicory {
    private static final int FIRST_PREOPEN = 3;
    private static final int ENOTSUP = 58;
    private static final int ESUCCESS = 0;

    public static void main(String[] words) {
        var directories = new ArrayList<Path>();
        var options = WasiOptions.builder().inheritSystem();
        boolean compile = false;
        int at = 0;
        for (; at < words.length && words[at].startsWith("--"); at++) {
            if (words[at].equals("--version")) {
                System.out.println("Chicory " + System.getProperty("chicory.version") + ", Java "
                        + System.getProperty("java.version"));
                return;
            } else if (words[at].equals("--compile")) {
                compile = true;
            } else if (words[at].equals("--dir") && at + 1 < words.length) {
                var directory = Path.of(words[++at]);
                options.withDirectory(directory.toString(), directory);
                directories.add(directory);
            } else {
                usage("unknown option or missing value: " + words[at]);
            }
        }
        if (at == words.length)
            usage("no MODULE");
        options.withArguments(Arrays.asList(words).subList(at, words.length));
        System.exit(run(words[at], options.build(), directories, compile));
    }

    private static void usage(String reason) {
        System.err.println("chicory: " + reason);
        System.err.println("usage: chicory [--compile] [--dir DIRECTORY]... MODULE [ARGUMENTS]");
        System.exit(2);
    }

    // Chicory 1.5.3 asks Java to copy attributes in a rename, which Java refuses on every real file
    // system (UnsupportedOperationException, ENOTSUP): then it is done here, between preopened
    // directories.
    private static HostFunction renaming(HostFunction original, List<Path> directories) {
        return new HostFunction(original.module(), original.name(), original.functionType(),
                (instance, words) -> {
                    long[] result = original.handle().apply(instance, words);
                    int from = (int) words[0] - FIRST_PREOPEN, to = (int) words[3] - FIRST_PREOPEN;
                    if (result[0] != ENOTSUP || Math.min(from, to) < 0
                            || Math.max(from, to) >= directories.size())
                        return result;
                    var memory = instance.memory();
                    try {
                        Files.move(directories.get(from).resolve(memory.readString((int) words[1], (int) words[2])),
                                directories.get(to).resolve(memory.readString((int) words[4], (int) words[5])),
                                StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
                        return new long[] {ESUCCESS};
                    } catch (IOException failure) {
                        return result;
                    }
                });
    }

    private static int run(String path, WasiOptions options, List<Path> directories, boolean compile) {
        var module = Parser.parse(Path.of(path).toFile());
        try (var wasi = WasiPreview1.builder().withOptions(options).build()) {
            var functions = wasi.toHostFunctions();
            for (int i = 0; i < functions.length; i++)
                if (functions[i].name().equals("path_rename"))
                    functions[i] = renaming(functions[i], directories);
            var imports = ImportValues.builder().addFunction(functions).build();
            var instance = Instance.builder(module).withImportValues(imports);
            // The JVM has no methods of more than 64 KB: Chicory interprets what would be one.
            if (compile)
                instance.withMachineFactory(MachineFactoryCompiler.builder(module)
                        .withInterpreterFallback(InterpreterFallback.SILENT).compile());
            instance.build(); // calls _start
            return 0;
        } catch (WasiExitException exit) {
            return exit.exitCode();
        }
    }
}
