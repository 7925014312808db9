package app

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// secretFile is what stands before the path of a file whose content is the secret. systemd and Kubernetes give secrets to
// programs in files.
const secretFile = "file:"

// readSecrets puts the content of files in the place of secrets that name a file. It is done only for an app that is built: what
// prints or writes a configuration shows no secret.
func (c *Config) readSecrets() error {
	errs := []error{
		readSecrets("", &c.Settings), readSecrets("storage.", c.Storage.Options), readSecrets("media.", c.Media.Options),
		readSecrets("embeds.", c.Embeds.Options), readSecrets("tracing.", c.Tracing.Options),
	}
	for key, list := range map[string][]Choice{"publishers": c.Publishers, "receivers": c.Receivers, "access": c.Access} {
		for i, choice := range list {
			errs = append(errs, readSecrets(fmt.Sprintf("%s[%d].", key, i), choice.Options))
		}
	}
	return errors.Join(errs...)
}

// readSecrets reads the secrets of options. prefix stands before their keys.
func readSecrets(prefix string, options any) error {
	fields, err := fieldsOf(options)
	errs := []error{err}
	for _, f := range fields {
		if !f.secret {
			continue
		}
		switch v := f.value.Interface().(type) {
		case string:
			s, err := readSecret(prefix+f.key, v)
			errs = append(errs, err)
			f.value.SetString(s)
		case []string: // a list of the configuration's own
			for i := range v {
				var err error
				v[i], err = readSecret(prefix+f.key, v[i])
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func readSecret(key, s string) (string, error) {
	path, is := strings.CutPrefix(s, secretFile)
	if !is {
		return s, nil
	}
	data, err := os.ReadFile(path) // whoever writes the configuration may name any file
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s: the file %s is empty", key, path)
	}
	return secret, nil
}
