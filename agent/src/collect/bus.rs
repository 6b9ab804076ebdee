//! The system bus, as far as it takes to put a question to a service and read the answer.
//!
//! zvariant writes and reads what travels. The connection is not kept: it is needed for a moment an
//! hour, and a bus that is restarted need not be noticed.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zvariant::serialized::{Context, Data};
use zvariant::{BE, LE, ObjectPath, Signature, Type, to_bytes};

use super::root::Root;

/// A connection to the system bus.
pub(super) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    serial: u32,
}

/// A question: what is called, where.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) service: &'static str,
    pub(super) path: &'static str,
    pub(super) interface: &'static str,
    pub(super) method: &'static str,
    /// Whether the service is started for it, which ends by itself.
    pub(super) starts: bool,
}

/// The body of an answer.
pub(super) struct Answer {
    body: Vec<u8>,
    context: Context,
}

impl Bus {
    /// Connects; not found where the host has no bus.
    pub(super) fn connect(root: &Root) -> io::Result<Self> {
        let mut bus = Self {
            stream: UnixStream::connect(root.path(SOCKET))?,
            deadline: Instant::now() + PATIENCE,
            serial: 0,
        };
        bus.authenticate()?;
        bus.call(HELLO, &())?;
        Ok(bus)
    }

    /// Puts a question and waits for the answer.
    pub(super) fn call<T: Serialize + Type>(
        &mut self,
        call: Call,
        arguments: &T,
    ) -> io::Result<Answer> {
        self.serial += 1;
        let message = message(call, self.serial, arguments).map_err(io::Error::other)?;
        self.stream.set_write_timeout(Some(self.patience()?))?;
        self.stream.write_all(&message)?;
        // Signals come unasked, for example that this connection has a name.
        loop {
            match self.receive()? {
                (ANSWER, answer) => return Ok(answer),
                (ERROR, _) => return Err(io::Error::other("the bus answered with an error")),
                _ => {}
            }
        }
    }

    /// Says who we are, which the bus sees for itself.
    fn authenticate(&mut self) -> io::Result<()> {
        let user = geteuid().as_raw().to_string();
        let mut line = b"\0AUTH EXTERNAL ".to_vec();
        for digit in user.bytes() {
            write!(line, "{digit:02x}")?;
        }
        line.extend_from_slice(b"\r\n");
        self.stream.set_write_timeout(Some(self.patience()?))?;
        self.stream.write_all(&line)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n") {
            if answer.len() > MAX_LINE_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut byte = [0];
            self.read(&mut byte)?;
            answer.extend_from_slice(&byte);
        }
        if !answer.starts_with(b"OK ") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.stream.write_all(b"BEGIN\r\n")
    }

    /// The next message: its kind and body.
    fn receive(&mut self) -> io::Result<(u8, Answer)> {
        let mut head = [0; HEAD_BYTES];
        self.read(&mut head)?;
        let context = match head {
            [b'l', ..] => Context::new_dbus(LE, 0),
            [b'B', ..] => Context::new_dbus(BE, 0),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let data = Data::new(&head[..], context);
        let (head, _): (Head, _) = data.deserialize().map_err(io::Error::other)?;
        let (_, kind, _, _, body, _, fields) = head;
        let (body, fields) = (body as usize, fields as usize);
        if body > MAX_BYTES || fields > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut rest = vec![0; fields.next_multiple_of(ALIGNMENT) + body];
        self.read(&mut rest)?;
        let body = rest.split_off(rest.len() - body);
        Ok((kind, Answer { body, context }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.stream.set_read_timeout(Some(self.patience()?))?;
        self.stream.read_exact(buffer)
    }

    /// What is left of the time for everything: whoever answers byte by byte gains nothing.
    fn patience(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left)
    }
}

impl Answer {
    /// The body as a `T`.
    pub(super) fn read<T: DeserializeOwned + Type>(&self) -> io::Result<T> {
        let data = Data::new(&self.body[..], self.context);
        data.deserialize()
            .map(|(body, _)| body)
            .map_err(io::Error::other)
    }
}

/// Byte order, kind, flags, version, bytes of the body, serial, bytes of the fields.
type Head = (u8, u8, u8, u8, u32, u32, u32);

/// A field of the header: its number, the signature of its value, the value. On the wire a variant
/// is nothing else.
type Field<T> = (u8, Signature, T);

/// The types of the arguments one after the other: `ss`, where a signature of its own would be that of one
/// structure, `(ss)`, which no method takes.
#[derive(Serialize, Type)]
#[zvariant(signature = "g")]
struct Arguments(String);

fn message<T: Serialize + Type>(
    call: Call,
    serial: u32,
    arguments: &T,
) -> Result<Vec<u8>, zvariant::Error> {
    let context = Context::new_dbus(LE, 0);
    let body = to_bytes(context, arguments)?;
    let signature = T::SIGNATURE.to_string_no_parens();
    let path: Field<ObjectPath<'_>> = (1, Signature::ObjectPath, ObjectPath::try_from(call.path)?);
    let text = |number, text| -> Field<&str> { (number, Signature::Str, text) };
    let texts = (
        text(2, call.interface),
        text(3, call.method),
        text(6, call.service),
    );
    let mut fields = to_bytes(context, &(path, texts.0, texts.1, texts.2))?.to_vec();
    if !signature.is_empty() {
        let of_body: Field<Arguments> = (8, Signature::Signature, Arguments(signature));
        fields.resize(fields.len().next_multiple_of(ALIGNMENT), 0);
        fields.extend_from_slice(&to_bytes(context, &of_body)?);
    }
    let length =
        |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| zvariant::Error::OutOfBounds);
    let head: Head = (
        b'l',
        CALL,
        if call.starts { 0 } else { NO_AUTO_START },
        1,
        length(&body)?,
        serial,
        length(&fields)?,
    );
    let mut message = to_bytes(context, &head)?.to_vec();
    message.extend_from_slice(&fields);
    message.resize(message.len().next_multiple_of(ALIGNMENT), 0);
    message.extend_from_slice(&body);
    Ok(message)
}

const SOCKET: &str = "run/dbus/system_bus_socket";
const HELLO: Call = Call {
    service: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    method: "Hello",
    starts: false,
};

/// For everything that is asked over one connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// What every part of a message begins at a multiple of.
const ALIGNMENT: usize = 8;
const HEAD_BYTES: usize = 16;
const MAX_BYTES: usize = 256 * 1024;
const MAX_LINE_BYTES: usize = 256;

/// Kinds of messages.
const CALL: u8 = 1;
const ANSWER: u8 = 2;
const ERROR: u8 = 3;
const NO_AUTO_START: u8 = 2;
