//! The book of sockets, told readings by hand.

#![allow(clippy::unwrap_used)]

use super::*;

fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(s, 0)
}

fn end(last: u8, port: u16) -> Endpoint {
    Endpoint { addr: IpAddr16::v4([192, 0, 2, last]), port }
}

fn raw(local: Endpoint, remote: Endpoint, inode: u64) -> RawSocket {
    let listening = remote == Endpoint::default();
    RawSocket { proto: TCP, local, remote, listening, lingering: false, uid: 0, inode }
}

fn book() -> SocketBook {
    let mut book = SocketBook::default();
    book.set_surroundings(Surroundings {
        addresses: [IpAddr16::v4([192, 0, 2, 1])].into(),
        main: Some(IpAddr16::v4([192, 0, 2, 1])),
        handed_out: (32_768, 60_999),
    });
    book
}

/// Readings without owners: the words of the changes.
fn changes(book: &mut SocketBook, sockets: &[RawSocket], s: i64) -> Vec<(&'static str, u16, u16)> {
    let events = book.take(sockets, &Owners::default(), &Users::default(), at(s));
    events.iter().map(|e| (e.change.name(), e.local.port, e.remote.port)).collect()
}

/// The owner is written into the book, as if `Owners` had found it.
fn own(book: &mut SocketBook, port: u16, name: &str) {
    let process = Arc::new(Process { pid: 7, name: name.to_owned(), exe: String::new() });
    for socket in book.open.values_mut().filter(|s| s.local.port == port) {
        socket.owner = SocketOwner::Process(Arc::clone(&process));
    }
}

#[test]
fn what_comes_and_goes_is_told_once() {
    let mut book = book();
    let everywhere = Endpoint { addr: IpAddr16::v4([0; 4]), port: 22 };
    let listener = raw(everywhere, Endpoint::default(), 1);
    let call = raw(end(1, 40_000), end(9, 443), 2);
    let guest = raw(end(1, 22), end(8, 50_000), 0);
    let first = book.take(&[listener], &Owners::default(), &Users::default(), at(1));
    assert!(first[0].first_reading && first[0].listening && !first[0].handed_out);
    assert_eq!(first[0].host, IpAddr16::v4([192, 0, 2, 1]), "all addresses are the main one's");
    assert!(changes(&mut book, &[listener], 2).is_empty());
    let events = book.take(&[listener, call, guest], &Owners::default(), &Users::default(), at(3));
    let seen: Vec<_> = events.iter().map(|e| (e.local.port, e.incoming, e.handed_out, e.first_reading)).collect();
    assert_eq!(seen, [(22, true, false, false), (40_000, false, true, false)]);
    assert_eq!(changes(&mut book, &[guest], 4), [("closed", 22, 0), ("closed", 40_000, 443)]);
    assert_eq!(book.len(), 1);
}

#[test]
fn a_connection_between_two_readings_is_told_as_come_and_gone() {
    let mut book = book();
    changes(&mut book, &[], 1);
    let passed = RawSocket { lingering: true, inode: 0, ..raw(end(1, 40_000), end(9, 443), 0) };
    let events = book.take(&[passed], &Owners::default(), &Users::default(), at(2));
    assert_eq!(events.iter().map(|e| e.change.name()).collect::<Vec<_>>(), ["opened", "closed"]);
    assert!(events.iter().all(|e| e.owner == SocketOwner::Gone && e.uid.is_none()));
    assert!(changes(&mut book, &[passed], 3).is_empty(), "it stays for a minute, told once");
    let mut late = super::tests::book();
    assert!(changes(&mut late, &[passed], 1).is_empty(), "what lingers at the first reading is past");
}

#[test]
fn a_conversation_has_the_process_whose_socket_it_was() {
    let mut book = book();
    let name = |book: &SocketBook, proto, src, dest, s| {
        book.process_of(proto, src, dest, at(s), at(s + 1)).map(|process| process.name.clone())
    };
    let listener = raw(Endpoint { addr: IpAddr16::v4([0; 4]), port: 22 }, Endpoint::default(), 1);
    let call = raw(end(1, 40_000), end(9, 443), 2);
    changes(&mut book, &[listener], 10);
    changes(&mut book, &[listener, call], 20);
    own(&mut book, 40_000, "curl");
    own(&mut book, 22, "sshd");
    assert_eq!(name(&book, TCP, end(1, 40_000), end(9, 443), 20).as_deref(), Some("curl"));
    assert_eq!(name(&book, TCP, end(9, 443), end(1, 40_000), 20).as_deref(), Some("curl"), "either way round");
    assert_eq!(name(&book, TCP, end(1, 40_000), end(9, 443), 5), None, "an earlier one with the same ports");
    assert_eq!(name(&book, TCP, end(7, 5), end(1, 22), 20).as_deref(), Some("sshd"), "by the port that was spoken to");
    assert_eq!(name(&book, TCP, end(7, 5), end(2, 22), 20), None, "another machine's port");
    changes(&mut book, &[listener], 30);
    assert_eq!(name(&book, TCP, end(1, 40_000), end(9, 443), 25).as_deref(), Some("curl"), "closed lately");
    assert_eq!(name(&book, TCP, end(1, 40_000), end(9, 443), 40), None, "after it was closed");
    changes(&mut book, &[listener], 30 + CLOSED_KEPT_S + 1);
    assert_eq!(name(&book, TCP, end(1, 40_000), end(9, 443), 25), None, "forgotten");
}

#[test]
fn a_udp_socket_that_is_not_connected_owns_what_it_speaks() {
    let mut book = book();
    let open =
        RawSocket { proto: UDP, ..raw(Endpoint { addr: IpAddr16::default(), port: 5353 }, Endpoint::default(), 4) };
    changes(&mut book, &[open], 10);
    own(&mut book, 5353, "avahi-daemon");
    let found = |src, dest| book.process_of(UDP, src, dest, at(11), at(12)).map(|process| process.name.clone());
    let group = Endpoint { addr: IpAddr16::v4([224, 0, 0, 251]), port: 5353 };
    assert_eq!(found(end(1, 5353), group).as_deref(), Some("avahi-daemon"));
    assert_eq!(found(end(6, 5353), group), None);
}
