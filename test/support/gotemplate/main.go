// Renders a corpus of templates with Go's own text/template, sprig and the functions that Helm and sealos add: the oracle for packages/template.
//
// Reads from stdin a JSON array of {"name", "template", "data", "env", "strings"} and writes an array of {"output", "error"} to stdout.
// With "strings", the data is a map[string]string, as the environment of a cluster image is.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type testCase struct {
	Name     string            `json:"name"`
	Template string            `json:"template"`
	Data     interface{}       `json:"data"`
	Env      map[string]string `json:"env"`
	Strings  bool              `json:"strings"`
}

type result struct {
	Output string `json:"output"`
	Error  string `json:"error"`
}

// numbers gives JSON numbers the type that a Go program would have: int without a fraction or exponent, else float64.
func numbers(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if !strings.ContainsAny(value.String(), ".eE") {
			if number, err := value.Int64(); err == nil {
				return int(number)
			}
		}
		number, err := value.Float64()
		if err != nil {
			panic(err)
		}
		return number
	case []interface{}:
		for i := range value {
			value[i] = numbers(value[i])
		}
	case map[string]interface{}:
		for key := range value {
			value[key] = numbers(value[key])
		}
	}
	return value
}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	all["toYaml"] = func(v interface{}) string {
		data, err := yaml.Marshal(v)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(data), "\n")
	}
	all["fromYaml"] = func(text string) map[string]interface{} {
		m := map[string]interface{}{}
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			m["Error"] = err.Error()
		}
		return m
	}
	all["fromYamlArray"] = func(text string) []interface{} {
		a := []interface{}{}
		if err := yaml.Unmarshal([]byte(text), &a); err != nil {
			a = []interface{}{err.Error()}
		}
		return a
	}
	all["toJson"] = func(v interface{}) string {
		data, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(data)
	}
	all["fromJson"] = func(text string) map[string]interface{} {
		m := make(map[string]interface{})
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			m["Error"] = err.Error()
		}
		return m
	}
	all["fromJsonArray"] = func(text string) []interface{} {
		a := []interface{}{}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			a = []interface{}{err.Error()}
		}
		return a
	}
	all["toToml"] = func(v interface{}) string {
		b := bytes.NewBuffer(nil)
		if err := toml.NewEncoder(b).Encode(v); err != nil {
			return err.Error()
		}
		return b.String()
	}
	all["ipNet"] = func(cidr string) (string, error) {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return "", err
		}
		return network.String(), nil
	}
	all["ipAt"] = func(cidr string, index int) (string, error) {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return "", err
		}
		ip := network.IP
		sum := new(big.Int).Add(new(big.Int).SetBytes(ip), big.NewInt(int64(index)))
		raw := sum.Bytes()
		at := make(net.IP, len(ip))
		if sum.Sign() < 0 || len(raw) > len(at) {
			return "", fmt.Errorf("out of range")
		}
		copy(at[len(at)-len(raw):], raw)
		if !network.Contains(at) {
			return "", fmt.Errorf("out of range")
		}
		return at.String(), nil
	}
	return all
}

func render(one testCase, functions template.FuncMap) (out result) {
	defer func() {
		if r := recover(); r != nil {
			out = result{Error: fmt.Sprintf("panic: %v", r)}
		}
	}()
	for key, value := range one.Env {
		os.Setenv(key, value)
		defer os.Unsetenv(key)
	}
	data := numbers(one.Data)
	if one.Strings {
		flat := map[string]string{}
		for key, value := range data.(map[string]interface{}) {
			flat[key] = value.(string)
		}
		data = flat
	}
	parsed, err := template.New(one.Name).Funcs(functions).Parse(one.Template)
	if err != nil {
		return result{Error: err.Error()}
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, data); err != nil {
		return result{Output: b.String(), Error: err.Error()}
	}
	return result{Output: b.String()}
}

func main() {
	time.Local = time.UTC
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	var cases []testCase
	if err := decoder.Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := functions()
	results := make([]result, len(cases))
	for i, one := range cases {
		results[i] = render(one, all)
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
