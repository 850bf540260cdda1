// Reads Kubernetes manifests from stdin and decodes each by its own type of the Kubernetes API. A field that the type
// does not have is an error. It prints the kind and the name of each, and exits with 1 if one is wrong. Kinds that are
// not of Kubernetes itself are not checked, and the output says so.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/yaml"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	failed := false
	for _, document := range strings.Split("\n"+string(text), "\n---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			fmt.Println("no YAML:", err)
			failed = true
		}
		if len(content) == 0 {
			continue
		}
		if version, _ := content["apiVersion"].(string); strings.Contains(version, "coreos.com/") {
			fmt.Println("not checked:", content["kind"])
			continue
		}
		_, kind, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			fmt.Println("wrong:", err)
			failed = true
			continue
		}
		fmt.Println("right:", kind.Kind, content["metadata"].(map[string]any)["name"])
	}
	if failed {
		os.Exit(1)
	}
}
