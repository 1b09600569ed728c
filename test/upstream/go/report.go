package main_test

// Writes down how each test ended, and how often our programs ran meanwhile. It is put into each package whose tests run.

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/onsi/ginkgo/v2"
)

type podwireReport struct {
	Name    string
	State   string
	Message string
	Seconds float64
	// The programs that ran, each time.
	Ran []string
}

var podwireSeen int

var _ = ginkgo.ReportAfterEach(func(spec ginkgo.SpecReport) {
	witness, _ := os.ReadFile("/run/upstream/witness")
	ran := strings.Fields(string(witness[podwireSeen:]))
	podwireSeen = len(witness)
	report := podwireReport{
		Name:    spec.FullText(),
		State:   spec.State.String(),
		Message: strings.TrimSpace(spec.FailureMessage() + "\n" + spec.Failure.ForwardedPanic),
		Seconds: spec.RunTime.Seconds(),
		Ran:     ran,
	}
	line, err := json.Marshal(report)
	if err != nil {
		panic(err)
	}
	file, err := os.OpenFile("/run/upstream/report", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		panic(err)
	}
})
