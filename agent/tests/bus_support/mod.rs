//! A system bus of a few lines.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "shared by several tests; one that cannot go on fails"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use zvariant::serialized::{Context, Data};
use zvariant::{Endian, LE, to_bytes};

/// A bus that answers whatever is asked with what it was given, in order.
pub struct Bus {
    tree: TempDir,
    heard: JoinHandle<Vec<u8>>,
}

impl Bus {
    pub fn start(answers: Vec<Vec<u8>>) -> Self {
        Self::speaking(b"OK 0123456789abcdef0123456789abcdef\r\n", answers)
    }

    /// With another line in place of the usual greeting.
    pub fn speaking(greeting: &'static [u8], answers: Vec<Vec<u8>>) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let listener = listen(tree.path());
        let heard = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(&stream, greeting, &answers)
        });
        Self { tree, heard }
    }

    /// Where the socket is, below the usual directories.
    pub fn tree(&self) -> &Path {
        self.tree.path()
    }

    /// The methods that were called, in order, each with the types of its arguments, and whether a service
    /// may be started for it.
    pub fn calls(self) -> Vec<(String, bool)> {
        let asked = self.heard.join().unwrap();
        let mut rest = asked.strip_prefix(b"BEGIN\r\n").unwrap();
        let mut calls = Vec::new();
        while !rest.is_empty() {
            let data = Data::new(rest, Context::new_dbus(LE, 0));
            let (head, bytes): (Head<'_>, usize) = data.deserialize().unwrap();
            let (_, _, flags, _, body, _, fields) = head;
            let method = fields.into_iter().find(|(number, _)| *number == 3).unwrap();
            let method: String = method.1.try_into().unwrap();
            let arguments = arguments(&rest[..bytes]);
            calls.push((format!("{method}({arguments})"), flags & 2 == 0));
            rest = &rest[bytes.next_multiple_of(8) + body as usize..];
        }
        calls
    }
}

/// The text of a header's field of the signature, which a parsed one would not tell from that of a structure.
fn arguments(header: &[u8]) -> String {
    let field = b"\x08\x01g\0";
    let mut places = header.windows(field.len());
    let Some(place) = places.position(|bytes| bytes == field) else {
        return String::new();
    };
    let text = &header[place + field.len()..];
    let length = usize::from(text[0]);
    String::from_utf8(text[1..=length].to_vec()).unwrap()
}

fn serve(mut stream: &UnixStream, greeting: &[u8], answers: &[Vec<u8>]) -> Vec<u8> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).unwrap();
    assert!(line.starts_with(b"\0AUTH EXTERNAL "));
    let _ = stream.write_all(greeting);
    let _ = stream.write_all(&answers.concat());
    // Whoever asks hears no more than that.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut asked = Vec::new();
    let _ = reader.read_to_end(&mut asked);
    asked
}

pub fn listen(tree: &Path) -> UnixListener {
    let directory = tree.join("run/dbus");
    fs::create_dir_all(&directory).unwrap();
    UnixListener::bind(directory.join("system_bus_socket")).unwrap()
}

/// Byte order, kind, flags, version, bytes of the body, serial, fields.
type Head<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, zvariant::Value<'a>)>);

pub fn text(text: &str) -> zvariant::Value<'_> {
    zvariant::Value::new(text)
}

pub fn answer<T: serde::Serialize + zvariant::Type>(order: Endian, body: &T) -> Vec<u8> {
    message(order, 2, body)
}

pub fn signal(order: Endian) -> Vec<u8> {
    message(order, 4, &":1.7")
}

/// A message with a field that nobody looks at.
fn message<T: serde::Serialize + zvariant::Type>(order: Endian, kind: u8, body: &T) -> Vec<u8> {
    let context = Context::new_dbus(order, 0);
    let body = to_bytes(context, body).unwrap();
    let letter = if order == LE { b'l' } else { b'B' };
    let length = u32::try_from(body.len()).unwrap();
    let fields = vec![(5_u8, zvariant::Value::U32(1))];
    let head = (letter, kind, 0_u8, 1_u8, length, 1_u32, fields);
    let mut message = to_bytes(context, &head).unwrap().to_vec();
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend_from_slice(&body);
    message
}
