// Runs a WASI preview 1 command module in Wasmer, like the command line of other hosts:
//
//	wasmer-go [--dir DIRECTORY]... MODULE [ARGUMENTS]
package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"

	"github.com/wasmerio/wasmer-go/wasmer"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "wasmer-go:", err)
	os.Exit(1)
}

func version() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "github.com/wasmerio/wasmer-go" {
				return "wasmer-go " + module.Version
			}
		}
	}
	return "wasmer-go"
}

// What proc_exit comes out as: an error whose text has the code.
var exited = regexp.MustCompile(`exited with code:? (\d+)|status (\d+)`)

func exitCode(err error) (int, bool) {
	match := exited.FindStringSubmatch(err.Error())
	if match == nil {
		return 0, false
	}
	code, err := strconv.Atoi(match[1] + match[2])
	return code, err == nil
}

func run(module []byte, arguments, directories []string) error {
	store := wasmer.NewStore(wasmer.NewEngineWithConfig(wasmer.NewConfig().UseCraneliftCompiler()))
	compiled, err := wasmer.NewModule(store, module)
	if err != nil {
		return err
	}
	builder := wasmer.NewWasiStateBuilder(arguments[0]).InheritStdin().InheritStdout().InheritStderr()
	for _, argument := range arguments[1:] {
		builder.Argument(argument)
	}
	for _, directory := range directories {
		builder.MapDirectory(directory, directory)
	}
	environment, err := builder.Finalize()
	if err != nil {
		return err
	}
	imports, err := environment.GenerateImportObject(store, compiled)
	if err != nil {
		return err
	}
	instance, err := wasmer.NewInstance(compiled, imports)
	if err != nil {
		return err
	}
	start, err := instance.Exports.GetWasiStartFunction()
	if err != nil {
		return err
	}
	_, err = start()
	return err
}

func main() {
	words := os.Args[1:]
	var directories []string
	for len(words) > 1 && words[0] == "--dir" {
		directories = append(directories, words[1])
		words = words[2:]
	}
	if len(words) == 1 && words[0] == "--version" {
		fmt.Println(version())
		return
	}
	if len(words) == 0 {
		fmt.Fprintln(os.Stderr, "usage: wasmer-go [--dir DIRECTORY]... MODULE [ARGUMENTS]")
		os.Exit(2)
	}
	module, err := os.ReadFile(words[0])
	if err != nil {
		fail(err)
	}
	if err := run(module, words, directories); err != nil {
		if code, ok := exitCode(err); ok {
			os.Exit(code)
		}
		fail(err)
	}
}
