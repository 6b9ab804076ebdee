//! The kinds of values that requests and answers hold beside texts and numbers.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;
use server_scout_wire::Timestamp;

/// A point in time, RFC 3339 with milliseconds, UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Time(pub Timestamp);

/// A value for each step of a history; null where nothing is known, which the document says.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps(pub Vec<Option<f64>>);

impl Type for Time {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string(date-time)".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn register(_: &mut Registry) {}

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Time {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let Some(Value::String(text)) = value else {
            return Err(poem_openapi::types::ParseError::custom("expected a text"));
        };
        text.parse()
            .map(Self)
            .map_err(poem_openapi::types::ParseError::custom)
    }
}

impl poem_openapi::types::ParseFromParameter for Time {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        text.parse()
            .map(Self)
            .map_err(poem_openapi::types::ParseError::custom)
    }
}

impl ToJSON for Time {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.to_string()))
    }
}

impl Type for Steps {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "[nullable number(double)]".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let step = MetaSchema {
            nullable: true,
            ..MetaSchema::new_with_format("number", "double")
        };
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(step)))),
            ..MetaSchema::new("array")
        }))
    }

    fn register(_: &mut Registry) {}

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Steps {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Vec::parse_from_json(value)
            .map(Self)
            .map_err(poem_openapi::types::ParseError::propagate)
    }
}

impl ToJSON for Steps {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}
