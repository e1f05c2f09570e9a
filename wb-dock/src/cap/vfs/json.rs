//! Tables and directories as JSON.
//!
//! A value is `null`, a number, a string, or `{"base64":"…"}` for bytes. Parameters may be
//! `true` and `false` as well, which are 1 and 0 to SQL. An infinite number reads as `null`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use super::{Entry, MAX_CONTENT, Rows, Value};
use crate::cap::Failure;
use crate::client::check_size;

/// Reads the parameters of a statement; nothing at all is an empty list.
pub(crate) fn params(json: &[u8]) -> Result<Vec<Value>, Failure> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    // Escapes and base64 take more than what they stand for.
    check_size("the list of parameters", json.len(), 2 * MAX_CONTENT)?;
    let list: Vec<Json> = serde_json::from_slice(json)
        .map_err(|error| Failure::bad_request(format!("the parameters: {error}")))?;
    list.into_iter().map(value).collect()
}

fn value(json: Json) -> Result<Value, Failure> {
    let wrong = |what: &str| Failure::bad_request(format!("a parameter {what}"));
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(bit) => Value::Integer(bit.into()),
        Json::String(text) => Value::Text(text),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, _) if number.is_u64() => {
                return Err(wrong("is a whole number beyond 64 bits with a sign"));
            }
            (None, Some(real)) => Value::Real(real),
            (None, None) => return Err(wrong("is no number of 64 bits")),
        },
        Json::Object(object) => {
            let coded = match object.get("base64") {
                Some(Json::String(coded)) if object.len() == 1 => coded,
                _ => return Err(wrong("is an object, wanted `{\"base64\":\"…\"}`")),
            };
            let blob = STANDARD.decode(coded);
            Value::Blob(blob.map_err(|_| wrong("is not base64"))?.into())
        }
        Json::Array(_) => return Err(wrong("is a list, wanted one value")),
    })
}

/// `{"columns":[…],"rows":[[…]],"changed":n}`.
pub(crate) fn rows(rows: &Rows) -> Bytes {
    to_bytes(rows)
}

/// `[{"name","directory","size"}]`.
pub(crate) fn entries(entries: &[Entry]) -> Bytes {
    to_bytes(entries)
}

fn to_bytes(what: &(impl Serialize + ?Sized)) -> Bytes {
    let json = serde_json::to_vec(what);
    json.expect("numbers and strings always have a JSON form")
        .into()
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("columns", &self.columns)?;
        map.serialize_entry("rows", &self.rows)?;
        map.serialize_entry("changed", &self.changed)?;
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Integer(whole) => serializer.serialize_i64(*whole),
            Self::Real(real) => serializer.serialize_f64(*real),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blob(blob) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &STANDARD.encode(blob))?;
                map.end()
            }
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("directory", &self.is_directory)?;
        map.serialize_entry("size", &self.size)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_values_of_sql() {
        assert_eq!(params(b"").unwrap(), []);
        let list = br#"[null, true, -9223372036854775808, 1.5, "a", {"base64":"AAE="}]"#;
        assert_eq!(
            params(list).unwrap(),
            [
                Value::Null,
                Value::Integer(1),
                Value::Integer(i64::MIN),
                Value::Real(1.5),
                Value::Text("a".into()),
                Value::Blob(Bytes::from_static(b"\0\x01")),
            ]
        );
        for bad in [
            "{}",
            "[",
            "[[]]",
            "[18446744073709551615]",
            r#"[{"base64":"!"}]"#,
            r#"[{"base64":"","x":1}]"#,
            r#"[{"hex":""}]"#,
        ] {
            assert!(params(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_and_entries_have_their_json() {
        let table = Rows {
            columns: vec!["a".into(), "b".into()],
            rows: vec![
                vec![Value::Null, Value::Blob(Bytes::from_static(b"\0\x01"))],
                vec![Value::Real(f64::INFINITY), Value::Text("\"".into())],
            ],
            changed: 2,
        };
        assert_eq!(
            rows(&table),
            r#"{"columns":["a","b"],"rows":[[null,{"base64":"AAE="}],[null,"\""]],"changed":2}"#
        );
        let entry = Entry {
            name: "a".into(),
            is_directory: false,
            size: 3,
        };
        assert_eq!(
            entries(&[entry]),
            r#"[{"name":"a","directory":false,"size":3}]"#
        );
    }
}
