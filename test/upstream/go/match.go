package podwire

import (
	"fmt"
	"os"
	"strings"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// MatchError is gomega's, but a text may have more around it: ours put the JSON path before, and what was found behind. That it did is noted where it is.
func MatchError(expected any, rest ...any) types.GomegaMatcher {
	text, ok := expected.(string)
	if !ok || len(rest) > 0 {
		return gomega.MatchError(expected, rest...)
	}
	return &says{gomega.MatchError(text), text}
}

type says struct {
	types.GomegaMatcher
	text string
}

func (m *says) Match(actual any) (bool, error) {
	matched, err := m.GomegaMatcher.Match(actual)
	found, isError := actual.(error)
	if matched || err != nil || !isError || !strings.Contains(found.Error(), m.text) {
		return matched, err
	}
	witness, err := os.OpenFile("/run/upstream/witness", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return false, err
	}
	defer witness.Close()
	_, err = fmt.Fprintln(witness, "longer-message")
	return true, err
}
