//! REST, live stream, OpenAPI, metrics, the embedded page.
