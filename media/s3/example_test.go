package s3_test

import (
	"fmt"

	"github.com/motacilla-live/motacilla/media/s3"
)

// A bucket of a server that runs on this machine.
func ExampleNew() {
	store, err := s3.New(&s3.Options{
		Endpoint: "http://127.0.0.1:9000", Bucket: "motacilla", AccessKey: "newsroom", SecretKey: "a-secret", Prefix: "live/",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = store // media.NewLibrary(store, records, nil)
}
