// Runs a WASI preview 1 command module in Chicory, like the command line of other hosts:
//   chicory [--compile] [--dir DIRECTORY]... MODULE [ARGUMENTS]
import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.wasi.WasiExitException;
import com.dylibso.chicory.wasi.WasiOptions;
import com.dylibso.chicory.wasi.WasiPreview1;
import com.dylibso.chicory.wasm.Parser;
import java.nio.file.Path;
import java.util.Arrays;

final class Chicory {
    public static void main(String[] words) {
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
            } else {
                usage("unknown option or missing value: " + words[at]);
            }
        }
        if (at == words.length)
            usage("no MODULE");
        options.withArguments(Arrays.asList(words).subList(at, words.length));
        System.exit(run(words[at], options.build(), compile));
    }

    private static void usage(String reason) {
        System.err.println("chicory: " + reason);
        System.err.println("usage: chicory [--compile] [--dir DIRECTORY]... MODULE [ARGUMENTS]");
        System.exit(2);
    }

    private static int run(String path, WasiOptions options, boolean compile) {
        var module = Parser.parse(Path.of(path).toFile());
        try (var wasi = WasiPreview1.builder().withOptions(options).build()) {
            var imports = ImportValues.builder().addFunction(wasi.toHostFunctions()).build();
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
