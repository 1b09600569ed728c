// Package podwire stands between the reference plugins' tests and our programs: what the tests call in their own process is a program's call here.
// It is put into a copy of their module, as pkg/podwire.
package podwire

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/skel"
)

// Where a throw-away host has our plugins; a test may have replaced the whole environment.
const plugins = "/run/upstream/cni/"

// Theirs says that this run shows what the reference plugins themselves come to on this machine.
func Theirs() bool {
	_, err := os.Stat("/run/upstream/theirs")
	return err == nil
}

// Call runs our plugin on the calling thread, and so in the network namespace that the test is in. Its result goes where the reference plugin prints.
func Call(plugin, command string, args *skel.CmdArgs) error {
	path := os.Getenv("CNI_PATH")
	if path == "" {
		path = os.Getenv("PATH")
	}
	environment := append(os.Environ(),
		"CNI_COMMAND="+command,
		"CNI_CONTAINERID="+args.ContainerID,
		"CNI_NETNS="+args.Netns,
		"CNI_IFNAME="+args.IfName,
		"CNI_ARGS="+args.Args,
		"CNI_PATH="+path,
		// Tests hand over the namespace that they are in, as pkg/testutils allows.
		"CNI_NETNS_OVERRIDE=1",
	)
	exec := &invoke.RawExec{Stderr: os.Stderr}
	out, err := exec.ExecPlugin(context.Background(), plugins+plugin, args.StdinData, environment)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(out)
	return err
}

// Main becomes our program: some tests build the plugin and start it.
func Main(plugin string) {
	err := syscall.Exec(plugins+plugin, append([]string{plugin}, os.Args[1:]...), os.Environ())
	fmt.Fprintln(os.Stderr, plugin, err)
	os.Exit(1)
}

// SystemBus makes a bus of a test's own the one that our program finds.
func SystemBus(address string) {
	os.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
}
