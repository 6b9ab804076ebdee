//! Ids: random, opaque, and of one kind each.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;

use crate::secret;

/// The id of a `T`: 63 random bits, 16 hexadecimal digits outside.
///
/// An id is a name and no authority; a service checks whose it is.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Id<T>(i64, PhantomData<fn() -> T>);

/// Marks the id of an access token.
#[derive(Debug)]
pub enum AccessToken {}
/// Marks the id of an agent key.
#[derive(Debug)]
pub enum AgentKey {}
/// Marks the id of an alert rule.
#[derive(Debug)]
pub enum AlertRule {}
/// Marks the id of notices that are one message.
#[derive(Debug)]
pub enum Bundle {}
/// Marks the id of a channel.
#[derive(Debug)]
pub enum Channel {}
/// Marks the id of a mail of an account.
#[derive(Debug)]
pub enum AccountMail {}
/// Marks the id of a mail that asks an address whether it agrees.
#[derive(Debug)]
pub enum ConfirmationMail {}
/// Marks the id of a delivery.
#[derive(Debug)]
pub enum Delivery {}
/// Marks the id of what deliveries tell.
#[derive(Debug)]
pub enum DeliveryMessage {}
/// Marks the id of a heartbeat.
#[derive(Debug)]
pub enum Heartbeat {}
/// Marks the id of an incident.
#[derive(Debug)]
pub enum Incident {}
/// Marks the id of a maintenance window.
#[derive(Debug)]
pub enum MaintenanceWindow {}
/// Marks the id of an invitation.
#[derive(Debug)]
pub enum Invitation {}
/// Marks the id of a group of servers.
#[derive(Debug)]
pub enum Group {}
/// Marks the id of an enrolment code.
#[derive(Debug)]
pub enum Enrolment {}
/// Marks the id of an organisation.
#[derive(Debug)]
pub enum Organisation {}
/// Marks the id of a passkey.
#[derive(Debug)]
pub enum Passkey {}
/// Marks the id of a person.
#[derive(Debug)]
pub enum Person {}
/// Marks the id of a server.
#[derive(Debug)]
pub enum Server {}
/// Marks the id of a session: its name in lists and forms, not what its cookie holds.
#[derive(Debug)]
pub enum Session {}
/// Marks the id of a seed for codes by time.
#[derive(Debug)]
pub enum Totp {}

impl<T> Id<T> {
    /// What no random id is: it would have its highest bit.
    pub(crate) const NOBODY: Self = Self(-1, PhantomData);

    /// A new id from the system's randomness.
    #[must_use]
    pub fn random() -> Self {
        let bytes = secret::random_bytes::<8>();
        Self(i64::from_le_bytes(bytes) & i64::MAX, PhantomData)
    }

    /// The id of that number; none when no id has it.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        (number >= 0).then_some(Self(number, PhantomData))
    }

    /// The number behind it, for sorting and storing.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl<T> FromStr for Id<T> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 16 || !digits {
            return Err(InvalidId);
        }
        let number = i64::from_str_radix(text, 16).map_err(|_| InvalidId)?;
        Ok(Self(number, PhantomData))
    }
}

impl<T> ToSql<BigInt, Sqlite> for Id<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        <i64 as ToSql<BigInt, Sqlite>>::to_sql(&self.0, out)
    }
}

impl<T, DB: Backend> FromSql<BigInt, DB> for Id<T>
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(i64::from_sql(bytes)?, PhantomData))
    }
}

/// The text is no id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an id of 16 hexadecimal digits")]
pub struct InvalidId;
