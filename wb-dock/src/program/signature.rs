//! What functions a component has, read without compiling it.

use std::fmt::{self, Write as _};

use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType,
};
use wasmparser::types::TypesRef;
use wasmparser::{Parser, Payload, PrimitiveValType, ValidPayload, Validator, WasmFeatures};

use crate::error::{Error, ErrorKind};

/// A function that a component exports, as its type says.
///
/// For a component that is loaded it says what its [`Function`](crate::Function) says.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    pub(super) interface: Option<String>,
    pub(super) name: String,
    pub(super) wit: String,
    pub(super) takes_text: bool,
    pub(super) gives_result: bool,
}

/// Most bytes of the text of all types together. A type can be named in many places by a
/// stranger who means us to write it out.
const MOST_TEXT: usize = 1 << 20;

impl Signature {
    /// The interface it belongs to, with its version; none for one of the world itself.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Its name in the interface or the world.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name that no other function of the component has: `run`, or
    /// `demo:shapes/area@1.0.0#circle`.
    pub fn full_name(&self) -> String {
        full_name(self.interface(), &self.name)
    }

    /// Its type as WIT, with what records and variants are made of in the place of their
    /// names: `func(at: record { x: u32, y: u32 }) -> string`. It ends with `…` where all
    /// types of a component together take more than 1 MiB.
    pub fn wit(&self) -> &str {
        &self.wit
    }

    /// Whether it takes one string and nothing else.
    pub const fn takes_text(&self) -> bool {
        self.takes_text
    }

    /// Whether its value is a `result`, and says by itself if the call succeeded.
    pub const fn gives_result(&self) -> bool {
        self.gives_result
    }

    /// The one of `signatures` called `name`: its full name, or the name alone if that is
    /// the name of one function only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchFunction`] when there is none, or more than one.
    pub fn find<'s>(signatures: &'s [Self], name: &str) -> Result<&'s Self, Error> {
        find(signatures, name, |signature| {
            (signature.interface(), signature.name())
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.full_name(), self.wit)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn full_name(interface: Option<&str>, name: &str) -> String {
    match interface {
        Some(interface) => format!("{interface}#{name}"),
        None => name.to_owned(),
    }
}

/// The one of `functions` called `name`, where `names` gives interface and name of each.
pub(super) fn find<'f, F>(
    functions: &'f [F],
    name: &str,
    names: impl Fn(&F) -> (Option<&str>, &str),
) -> Result<&'f F, Error> {
    let (interface, alone) = match name.split_once('#') {
        Some((interface, alone)) => (Some(interface), alone),
        None => (None, name),
    };
    let exact = functions.iter().find(|f| names(f) == (interface, alone));
    let mut bare = functions
        .iter()
        .filter(|f| interface.is_none() && names(f).1 == alone);
    if let Some(function) = exact.or_else(|| bare.next().filter(|_| bare.next().is_none())) {
        return Ok(function);
    }
    let full_name = |f| {
        let (interface, name) = names(f);
        full_name(interface, name)
    };
    Err(ErrorKind::NoSuchFunction {
        name: name.to_owned(),
        found: functions.iter().map(full_name).collect(),
    }
    .into())
}

/// The functions of a component in its own order, without those of resources. The bodies
/// of functions are not looked at: to make code of them is for somebody else.
pub(crate) fn signatures(wasm: &[u8]) -> Result<Vec<Signature>, Error> {
    read(wasm).map_err(|error| {
        let message = error.to_string();
        ErrorKind::Malformed { message }.into()
    })
}

fn read(wasm: &[u8]) -> wasmparser::Result<Vec<Signature>> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut types = None;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports.clone() {
                    names.push(export?.name.name);
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let ValidPayload::End(read) = validator.payload(&payload)? {
            types = Some(read);
        }
    }
    let types = types.expect("what is read without an error has an end");
    let types = types.as_ref();
    let mut found = Found {
        types,
        room: MOST_TEXT,
        signatures: Vec::new(),
    };
    for name in names {
        match types.component_item_for_export(name).map(|item| item.ty) {
            Some(ComponentEntityType::Instance(instance)) => {
                for (inner, item) in &types[instance].exports {
                    found.add(Some(name), inner, item.ty);
                }
            }
            Some(ty) => found.add(None, name, ty),
            None => {}
        }
    }
    Ok(found.signatures)
}

struct Found<'t> {
    types: TypesRef<'t>,
    /// Bytes that there still are for the text of types.
    room: usize,
    signatures: Vec<Signature>,
}

impl Found<'_> {
    fn add(&mut self, interface: Option<&str>, name: &str, ty: ComponentEntityType) {
        let ComponentEntityType::Func(ty) = ty else {
            return;
        };
        if name.starts_with('[') {
            return;
        }
        let ty = &self.types[ty];
        let mut text = Text {
            types: self.types,
            written: String::new(),
            room: self.room,
        };
        if text.function(ty).is_err() {
            text.written.push('…');
        }
        self.room = text.room;
        self.signatures.push(Signature {
            interface: interface.map(str::to_owned),
            name: name.to_owned(),
            takes_text: matches!(&ty.params[..], [(_, param)] if self.is_string(*param)),
            gives_result: ty.result.is_some_and(|result| self.is_result(result)),
            wit: text.written,
        });
    }

    fn is_string(&self, ty: ComponentValType) -> bool {
        let primitive = match ty {
            ComponentValType::Primitive(primitive) => primitive,
            ComponentValType::Type(id) => match self.types[id] {
                ComponentDefinedType::Primitive(primitive) => primitive,
                _ => return false,
            },
        };
        primitive == PrimitiveValType::String
    }

    fn is_result(&self, ty: ComponentValType) -> bool {
        matches!(ty, ComponentValType::Type(id)
            if matches!(self.types[id], ComponentDefinedType::Result { .. }))
    }
}

/// A type as text, as long as there is room.
struct Text<'t> {
    types: TypesRef<'t>,
    written: String,
    room: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.room = self.room.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.written.push_str(text);
        Ok(())
    }
}

impl Text<'_> {
    fn function(&mut self, ty: &ComponentFuncType) -> fmt::Result {
        self.write_str("func(")?;
        self.list(&ty.params, |text, (name, ty)| {
            text.named(name.as_str(), *ty)
        })?;
        self.write_str(")")?;
        if let Some(result) = ty.result {
            self.write_str(" -> ")?;
            self.ty(result)?;
        }
        Ok(())
    }

    fn ty(&mut self, ty: ComponentValType) -> fmt::Result {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return write!(self, "{primitive}"),
            ComponentValType::Type(id) => id,
        };
        let types = self.types;
        match &types[id] {
            ComponentDefinedType::Primitive(primitive) => write!(self, "{primitive}"),
            ComponentDefinedType::Record(record) => {
                self.write_str("record { ")?;
                self.list(&record.fields, |text, (name, ty)| {
                    text.named(name.as_str(), *ty)
                })?;
                self.write_str(" }")
            }
            ComponentDefinedType::Variant(variant) => {
                self.write_str("variant { ")?;
                self.list(&variant.cases, |text, (name, case)| {
                    text.write_str(name.as_str())?;
                    case.ty.map_or(Ok(()), |ty| text.within("(", [ty], ")"))
                })?;
                self.write_str(" }")
            }
            ComponentDefinedType::Flags(names) => self.names("flags", names),
            ComponentDefinedType::Enum(names) => self.names("enum", names),
            ComponentDefinedType::List { element, .. } => self.within("list<", [*element], ">"),
            ComponentDefinedType::Tuple(tuple) => {
                self.within("tuple<", tuple.types.iter().copied(), ">")
            }
            ComponentDefinedType::Option { ty, .. } => self.within("option<", [*ty], ">"),
            ComponentDefinedType::Result { ok, err, .. } => match (*ok, *err) {
                (None, None) => self.write_str("result"),
                (None, Some(err)) => self.within("result<_, ", [err], ">"),
                (Some(ok), err) => {
                    self.within("result<", [Some(ok), err].into_iter().flatten(), ">")
                }
            },
            // Values that nobody can write down.
            _ => self.write_str("<<UNSUPPORTED>>"),
        }
    }

    fn named(&mut self, name: &str, ty: ComponentValType) -> fmt::Result {
        write!(self, "{name}: ")?;
        self.ty(ty)
    }

    fn names(&mut self, kind: &str, names: impl IntoIterator<Item: fmt::Display>) -> fmt::Result {
        write!(self, "{kind} {{ ")?;
        self.list(names, |text, name| write!(text, "{name}"))?;
        self.write_str(" }")
    }

    fn within(
        &mut self,
        before: &str,
        types: impl IntoIterator<Item = ComponentValType>,
        after: &str,
    ) -> fmt::Result {
        self.write_str(before)?;
        self.list(types, Self::ty)?;
        self.write_str(after)
    }

    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.write_str(", ")?;
            }
            write(self, item)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type of `depth` levels, each with two of the one below, in names of `length` bytes.
    fn bomb(depth: usize, length: usize) -> Vec<u8> {
        let name = "x".repeat(length);
        let mut wat = "(component (type $t0 u8)".to_owned();
        for level in 1..=depth {
            let below = level - 1;
            write!(
                wat,
                "(type $r{level} (record (field \"{name}\" $t{below}) (field \"b\" $t{below})))
                 (import \"t{level}\" (type $t{level} (eq $r{level})))"
            )
            .unwrap();
        }
        write!(
            wat,
            "(core module $m (func (export \"f\")))
             (core instance $i (instantiate $m))
             (func $f (canon lift (core func $i \"f\")))
             (import \"g\" (func $g (param \"a\" $t{depth})))
             (export \"f\" (func $f)) (export \"g\" (func $g)))"
        )
        .unwrap();
        wat::parse_str(&wat).unwrap()
    }

    #[test]
    fn the_text_of_types_is_bounded() {
        let read = signatures(&bomb(15, 1000)).unwrap();
        let [f, g] = &read[..] else { panic!() };
        assert_eq!(f.to_string(), "f: func()");
        assert!(g.wit().ends_with('…'));
        assert!(g.wit().len() <= MOST_TEXT + 10);
    }

    #[test]
    fn what_is_no_component_is_malformed() {
        for wasm in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0\xff"] {
            assert_eq!(signatures(wasm).unwrap_err().code(), "dock/malformed");
        }
    }
}
