package config

import _ "embed"

// Starter is a commented configuration to begin with.
//
//go:embed starter.yaml
var Starter string
