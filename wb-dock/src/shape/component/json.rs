use serde_json::{Map, Number, Value, json};
use wasmtime::component::{Type, Val};

use crate::program::Function;

/// The values in `args`: in order, or by the names of the parameters.
pub(super) fn read(function: &Function, args: &Value) -> Result<Vec<Val>, String> {
    let params = function.params();
    match args {
        Value::Array(values) if values.len() == params.len() => params
            .iter()
            .zip(values)
            .map(|((name, ty), value)| val(ty, value).map_err(|wrong| wrong.below(name).message()))
            .collect(),
        Value::Object(fields) => read_fields(&params, fields)
            .map(|fields| fields.into_iter().map(|(_, value)| value).collect())
            .map_err(Wrong::message),
        _ => Err(format!(
            "found `{}`, wanted an array of {} values or an object of them by name",
            excerpt(args),
            params.len()
        )),
    }
}

/// Where a value is of the wrong type, from the inside out.
struct Wrong {
    path: Vec<String>,
    found: String,
    wanted: String,
}

impl Wrong {
    fn new(found: &Value, wanted: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            found: excerpt(found),
            wanted: wanted.into(),
        }
    }

    fn below(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    fn message(mut self) -> String {
        self.path.reverse();
        let (path, found, wanted) = (self.path.join("."), self.found, self.wanted);
        if path.is_empty() {
            format!("found `{found}`, wanted {wanted}")
        } else {
            format!("`{path}`: found `{found}`, wanted {wanted}")
        }
    }
}

/// The beginning of a value, for a message.
fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn read_fields(
    wanted: &[(String, Type)],
    found: &Map<String, Value>,
) -> Result<Vec<(String, Val)>, Wrong> {
    if let Some((name, value)) = found
        .iter()
        .find(|(name, _)| wanted.iter().all(|(field, _)| field != *name))
    {
        let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = format!("only the fields `{}`", names.join("`, `"));
        return Err(Wrong::new(value, wanted).below(name));
    }
    let fields = wanted.iter().map(|(name, ty)| {
        // What is optional may be left out.
        let value = found.get(name).unwrap_or(&Value::Null);
        let value = val(ty, value).map_err(|wrong| wrong.below(name))?;
        Ok((name.clone(), value))
    });
    fields.collect()
}

#[expect(clippy::too_many_lines, reason = "an arm for each type of WIT")]
fn val(ty: &Type, value: &Value) -> Result<Val, Wrong> {
    let wrong = |wanted: &str| Wrong::new(value, wanted);
    macro_rules! integer {
        ($case:ident, $int:ty, $read:ident) => {
            value
                .$read()
                .and_then(|number| <$int>::try_from(number).ok())
                .map(Val::$case)
                .ok_or_else(|| wrong(concat!("an integer that fits `", stringify!($int), "`")))
        };
    }
    match ty {
        Type::Bool => value
            .as_bool()
            .map(Val::Bool)
            .ok_or_else(|| wrong("a boolean")),
        Type::U8 => integer!(U8, u8, as_u64),
        Type::U16 => integer!(U16, u16, as_u64),
        Type::U32 => integer!(U32, u32, as_u64),
        Type::U64 => integer!(U64, u64, as_u64),
        Type::S8 => integer!(S8, i8, as_i64),
        Type::S16 => integer!(S16, i16, as_i64),
        Type::S32 => integer!(S32, i32, as_i64),
        Type::S64 => integer!(S64, i64, as_i64),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the nearest number is meant"
        )]
        Type::Float32 => float(value).map(|number| Val::Float32(number as f32)),
        Type::Float64 => float(value).map(Val::Float64),
        Type::Char => {
            let mut chars = value.as_str().unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Ok(Val::Char(char)),
                _ => Err(wrong("a string of one character")),
            }
        }
        Type::String => {
            let text = value.as_str().ok_or_else(|| wrong("a string"))?;
            Ok(Val::String(text.to_owned()))
        }
        Type::List(list) => {
            let values = value.as_array().ok_or_else(|| wrong("an array"))?;
            elements(&list.ty(), values).map(Val::List)
        }
        Type::FixedLengthList(list) => {
            let values = value.as_array().ok_or_else(|| wrong("an array"))?;
            if values.len() != list.len() as usize {
                return Err(Wrong::new(value, format!("an array of {}", list.len())));
            }
            elements(&list.ty(), values).map(Val::FixedLengthList)
        }
        Type::Record(record) => {
            let fields = value.as_object().ok_or_else(|| wrong("an object"))?;
            let wanted: Vec<_> = record
                .fields()
                .map(|field| (field.name.to_owned(), field.ty))
                .collect();
            read_fields(&wanted, fields).map(Val::Record)
        }
        Type::Tuple(tuple) => {
            let types = tuple.types();
            let values = value
                .as_array()
                .filter(|values| values.len() == types.len());
            let values =
                values.ok_or_else(|| Wrong::new(value, format!("an array of {}", types.len())))?;
            let items = types.zip(values).enumerate();
            items
                .map(|(i, (ty, value))| val(&ty, value).map_err(|wrong| wrong.below(i.to_string())))
                .collect::<Result<_, _>>()
                .map(Val::Tuple)
        }
        Type::Variant(variant) => {
            let (name, payload) = case(value);
            let names = || {
                variant
                    .cases()
                    .map(|case| case.name.to_owned())
                    .collect::<Vec<_>>()
            };
            let found = variant.cases().find(|case| Some(case.name) == name);
            let found = found.ok_or_else(|| one_of(value, &names()))?;
            let payload = payload_of(value, found.ty.as_ref(), payload, found.name)?;
            Ok(Val::Variant(found.name.to_owned(), payload))
        }
        Type::Enum(cases) => {
            let found = cases.names().find(|name| value.as_str() == Some(*name));
            let names = || cases.names().map(str::to_owned).collect::<Vec<_>>();
            let name = found.ok_or_else(|| one_of(value, &names()))?;
            Ok(Val::Enum(name.to_owned()))
        }
        Type::Option(option) => {
            let inner = option.ty();
            let value = match (value, &inner) {
                (Value::Null, _) => return Ok(Val::Option(None)),
                // An option of an option needs to say which of them is empty.
                (_, Type::Option(_)) => value
                    .get("some")
                    .ok_or_else(|| wrong("`null` or `{\"some\": …}`"))?,
                _ => value,
            };
            Ok(Val::Option(Some(Box::new(val(&inner, value)?))))
        }
        Type::Result(result) => match case(value) {
            (Some("ok"), payload) => {
                payload_of(value, result.ok().as_ref(), payload, "ok").map(|ok| Val::Result(Ok(ok)))
            }
            (Some("err"), payload) => payload_of(value, result.err().as_ref(), payload, "err")
                .map(|err| Val::Result(Err(err))),
            _ => Err(wrong("`{\"ok\": …}` or `{\"err\": …}`")),
        },
        Type::Flags(flags) => {
            let values = value.as_array().ok_or_else(|| wrong("an array of names"))?;
            let known: Vec<String> = flags.names().map(str::to_owned).collect();
            let set = values.iter().map(|value| match value.as_str() {
                Some(name) if known.iter().any(|flag| flag == name) => Ok(name.to_owned()),
                _ => Err(one_of(value, &known)),
            });
            set.collect::<Result<_, _>>().map(Val::Flags)
        }
        _ => Err(wrong("a handle, which has no JSON form")),
    }
}

fn elements(ty: &Type, values: &[Value]) -> Result<Vec<Val>, Wrong> {
    let values = values.iter().enumerate();
    values
        .map(|(i, value)| val(ty, value).map_err(|wrong| wrong.below(i.to_string())))
        .collect()
}

/// A number, or what JSON has no number for.
fn float(value: &Value) -> Result<f64, Wrong> {
    match value.as_str() {
        Some("nan") => Ok(f64::NAN),
        Some("inf") => Ok(f64::INFINITY),
        Some("-inf") => Ok(f64::NEG_INFINITY),
        _ => value
            .as_f64()
            .ok_or_else(|| Wrong::new(value, "a number, \"nan\", \"inf\" or \"-inf\"")),
    }
}

/// A case and what it holds: `"name"`, or `{"name": value}`.
fn case(value: &Value) -> (Option<&str>, Option<&Value>) {
    match value {
        Value::String(name) => (Some(name), None),
        Value::Object(fields) if fields.len() == 1 => {
            let only = fields.iter().next();
            (
                only.map(|(name, _)| name.as_str()),
                only.map(|(_, value)| value),
            )
        }
        _ => (None, None),
    }
}

fn payload_of(
    whole: &Value,
    ty: Option<&Type>,
    payload: Option<&Value>,
    name: &str,
) -> Result<Option<Box<Val>>, Wrong> {
    match (ty, payload) {
        (None, None | Some(Value::Null)) => Ok(None),
        (Some(ty), Some(payload)) => val(ty, payload)
            .map(|value| Some(Box::new(value)))
            .map_err(|wrong| wrong.below(name)),
        (Some(_), None) => Err(Wrong::new(whole, format!("`{{\"{name}\": …}}`"))),
        (None, Some(_)) => Err(Wrong::new(whole, format!("`\"{name}\"`"))),
    }
}

fn one_of(found: &Value, names: &[String]) -> Wrong {
    Wrong::new(found, format!("one of `{}`", names.join("`, `")))
}

/// The value in JSON; none if it holds a handle.
pub(super) fn write(value: &Val) -> Option<Value> {
    let all = |values: &[Val]| values.iter().map(write).collect::<Option<Vec<_>>>();
    let payload = |name: &str, value: &Option<Box<Val>>| match value {
        Some(value) => Some(json!({ name: write(value)? })),
        None => Some(json!(name)),
    };
    Some(match value {
        Val::Bool(value) => json!(value),
        Val::U8(value) => json!(value),
        Val::U16(value) => json!(value),
        Val::U32(value) => json!(value),
        Val::U64(value) => json!(value),
        Val::S8(value) => json!(value),
        Val::S16(value) => json!(value),
        Val::S32(value) => json!(value),
        Val::S64(value) => json!(value),
        // The shortest digits that read as this number again, not those of its double.
        Val::Float32(value) => number(value.to_string().parse().unwrap_or(f64::from(*value))),
        Val::Float64(value) => number(*value),
        Val::Char(value) => json!(value),
        Val::String(value) => json!(value),
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => {
            Value::Array(all(values)?)
        }
        Val::Record(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| Some((name.clone(), write(value)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
        Val::Variant(name, value) => payload(name, value)?,
        Val::Enum(name) => json!(name),
        Val::Option(None) => Value::Null,
        Val::Option(Some(value)) => match (&**value, write(value)?) {
            (Val::Option(_), inner) => json!({ "some": inner }),
            (_, inner) => inner,
        },
        Val::Result(Ok(value)) => json!({ "ok": written(value.as_deref())? }),
        Val::Result(Err(value)) => json!({ "err": written(value.as_deref())? }),
        Val::Flags(names) => json!(names),
        _ => return None,
    })
}

fn written(value: Option<&Val>) -> Option<Value> {
    value.map_or(Some(Value::Null), write)
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            json!(if value.is_nan() {
                "nan"
            } else if value > 0.0 {
                "inf"
            } else {
                "-inf"
            })
        },
        Value::Number,
    )
}
