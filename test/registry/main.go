// The registry of the tests: distribution's own, with the one kind of storage that tests use. Its usual main.go brings the clients of three clouds, most of what there would be to compile.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
