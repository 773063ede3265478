// A server of Google Cloud Storage for tests: fake-gcs-server, which keeps the objects, behind the two requests of the XML interface that it
// does not know (PUT and DELETE of an object), told to it as requests of the JSON interface. Loopback only.
//
//	gcs DIR PORT    (a folder in DIR is a bucket)
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// bucket and object of a path of the XML interface; false for all others.
func object(path string) (string, string, bool) {
	bucket, name, found := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	inside := bucket == "storage" || bucket == "upload" || bucket == "download" || strings.HasPrefix(bucket, "_")
	return bucket, name, found && name != "" && !inside
}

type translated struct{ next http.Handler }

func (t translated) ServeHTTP(answer http.ResponseWriter, asked *http.Request) {
	bucket, name, ours := object(asked.URL.Path)
	if !ours || (asked.Method != http.MethodPut && asked.Method != http.MethodDelete) || asked.URL.RawQuery != "" {
		t.next.ServeHTTP(answer, asked)
		return
	}
	target := fmt.Sprintf("/storage/v1/b/%s/o/%s", url.PathEscape(bucket), url.PathEscape(name))
	method := http.MethodDelete
	if asked.Method == http.MethodPut {
		target = fmt.Sprintf("/upload/storage/v1/b/%s/o?uploadType=media&name=%s", url.PathEscape(bucket), url.QueryEscape(name))
		method = http.MethodPost
	}
	told := httptest.NewRequest(method, "http://"+asked.Host+target, asked.Body)
	told.ContentLength = asked.ContentLength
	said := httptest.NewRecorder()
	t.next.ServeHTTP(said, told)
	var made struct {
		Etag       string `json:"etag"`
		Generation string `json:"generation"`
	}
	_ = json.Unmarshal(said.Body.Bytes(), &made)
	if asked.Method == http.MethodPut && said.Code == http.StatusOK {
		answer.Header().Set("ETag", strconv.Quote(strings.Trim(made.Etag, `"`)))
		answer.Header().Set("x-goog-generation", made.Generation)
	}
	answer.WriteHeader(said.Code)
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gcs DIR PORT")
	}
	address := "127.0.0.1:" + os.Args[2]
	options := fakestorage.Options{StorageRoot: os.Args[1], NoListener: true, Scheme: "http", PublicHost: address, ExternalURL: "http://" + address}
	server, err := fakestorage.NewServerWithOptions(options)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(address, translated{server.HTTPHandler()}))
}
