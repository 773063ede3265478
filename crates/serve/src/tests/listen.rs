//! Listening: where, and how it ends.

use super::double::*;
use crate::{ServeConfig, ServeError, bind, check_listen, serve_on};
use std::io::{Read, Write};
use std::time::Duration;

#[tokio::test]
async fn only_loopback_is_listened_on() {
    for yes in ["127.0.0.1:0", "127.9.9.9:7070", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        assert!(check_listen(yes.parse().unwrap(), false).is_ok(), "{yes}");
    }
    for no in ["0.0.0.0:7070", "192.0.2.1:7070", "[::]:7070", "[2001:db8::1]:7070"] {
        let error = check_listen(no.parse().unwrap(), false).unwrap_err().to_string();
        assert!(error.contains(no) && error.contains("127.0.0.1") && error.contains("tripline user add"), "{error}");
        assert!(check_listen(no.parse().unwrap(), true).is_ok(), "{no}, with somebody who can log in");
    }
    assert!(matches!(
        bind("0.0.0.0:0".parse().unwrap(), false, &ServeConfig::default()).await,
        Err(ServeError::NotLoopback(_))
    ));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = bind("127.0.0.1:0".parse().unwrap(), false, &ServeConfig::default()).await.unwrap();
    let address = first.local_addr();
    let error = bind(address, false, &ServeConfig::default()).await.err().unwrap().to_string();
    assert!(error.contains(&address.port().to_string()) && error.contains("--listen"), "{error}");
}

#[tokio::test]
async fn the_server_ends_although_a_stream_is_open() {
    let world = world();
    let listener = bind("127.0.0.1:0".parse().unwrap(), false, &ServeConfig::default()).await.unwrap();
    let address = listener.local_addr();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve_on(listener, world.state.clone(), async move { drop(stopped.await) }));
    let connection = tokio::task::spawn_blocking(move || {
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        write!(connection, "GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut head = [0; 12];
        connection.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        connection
    })
    .await
    .unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), server).await.expect("ends by itself").unwrap().unwrap();
    drop(connection);
}
