package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/app"
	"go.yaml.in/yaml/v3"
)

// printYAML prints the configuration in force as a configuration file. A comment behind each value says where it comes
// from. A secret's value is left empty.
func printYAML(w io.Writer, c *app.Config) error {
	root := &yaml.Node{Kind: yaml.MappingNode, HeadComment: fileOf(c)}
	for _, v := range c.Values {
		if err := place(root, strings.Split(v.Key, "."), v); err != nil {
			return err
		}
	}
	body, err := yaml.Marshal(root)
	if err != nil {
		return fmt.Errorf("print YAML: %w", err)
	}
	return printed(w.Write(body))
}

var element = regexp.MustCompile(`^(\w+)\[(\d+)\]$`)

// place puts a value below node, at the place that its key names.
func place(node *yaml.Node, path []string, v app.Value) error {
	name := path[0]
	if at := element.FindStringSubmatch(name); at != nil { // publishers[0]
		list := child(node, at[1], yaml.SequenceNode)
		i, err := strconv.Atoi(at[2])
		if err != nil {
			return err
		}
		for len(list.Content) <= i {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.MappingNode})
		}
		return place(list.Content[i], path[1:], v)
	}
	if len(path) > 1 {
		return place(child(node, name, yaml.MappingNode), path[1:], v)
	}
	value := &yaml.Node{}
	if err := value.Encode(plainValue(v.Raw)); err != nil {
		return fmt.Errorf("%s: %w", v.Key, err)
	}
	value.LineComment = v.Origin
	if value.Kind == yaml.SequenceNode {
		value.Style = yaml.FlowStyle
	}
	if v.Secret {
		value.SetString("")
		value.Style = yaml.DoubleQuotedStyle
		value.LineComment = v.Origin
		if v.Value != "" {
			value.LineComment = "masked: put the secret here; " + v.Origin
		}
	}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	return nil
}

// child returns the node under name in a mapping. It makes one if there is none.
func child(node *yaml.Node, name string, kind yaml.Kind) *yaml.Node {
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	made := &yaml.Node{Kind: kind}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, made)
	return made
}
