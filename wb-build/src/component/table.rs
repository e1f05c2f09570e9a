//! The table by which the JavaScript runtime knows a world: its functions and
//! their types as 32-bit words. `guest/js/canon.h` and `component.c` read it.

use std::collections::BTreeMap;

use wit_parser::abi::{AbiVariant, FlatTypes, WasmType};
use wit_parser::{Handle, Int, SizeAlign, Type, TypeDefKind, TypeId};

use super::World;
use super::script::camel;
use super::world::Item;

/// The first word of each kind of type, in the order of `canon.h`.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Kind {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List,
    Record,
    Tuple,
    Flags,
    Enum,
    Variant,
    Option,
    Result,
    Own,
    Borrow,
}

/// Most core values that a flattened type can have; more go through memory.
const MOST_FLAT: usize = 32;

/// The table of a world, as bytes.
pub(super) fn table(world: &World) -> Vec<u8> {
    let mut sizes = SizeAlign::default();
    sizes.fill(&world.resolve);
    let mut table = Table {
        world,
        sizes,
        words: Vec::new(),
        types: BTreeMap::new(),
        names: BTreeMap::new(),
        resources: world.resources().iter().map(|r| r.id).collect(),
    };
    table.world();
    table.words.into_iter().flat_map(u32::to_le_bytes).collect()
}

struct Table<'a> {
    world: &'a World,
    sizes: SizeAlign,
    words: Vec<u32>,
    /// Where each type is, by how its id is written.
    types: BTreeMap<String, u32>,
    names: BTreeMap<String, u32>,
    resources: Vec<TypeId>,
}

impl Table<'_> {
    fn world(&mut self) {
        let (exports, imports) = (self.world.exports(), self.world.imports());
        let resources = self.resources.len();
        self.words = vec![exports.len() as u32, imports.len() as u32, resources as u32];
        let lists = self.words.len();
        self.words
            .resize(lists + exports.len() + imports.len() + resources, 0);
        for (n, item) in exports.iter().enumerate() {
            self.words[lists + n] = self.function(item, AbiVariant::GuestExport);
        }
        for (n, item) in imports.iter().enumerate() {
            self.words[lists + exports.len() + n] = self.function(item, AbiVariant::GuestImport);
        }
        // What drops a handle follows the imports: see `surgery`.
        for n in 0..resources {
            self.words[lists + exports.len() + imports.len() + n] = (imports.len() + n) as u32;
        }
    }

    fn push(&mut self, words: &[u32]) -> u32 {
        let at = self.words.len() as u32;
        self.words.extend(words);
        at
    }

    fn function(&mut self, item: &Item<'_>, variant: AbiVariant) -> u32 {
        let world = self.world;
        let signature = world.resolve.wasm_signature(variant, item.function);
        let name = self.name(&camel(item.function.item_name()));
        let interface = match item.interface {
            Some(key) => self.name(&camel(world.interface_name(key))),
            None => 0,
        };
        let types: Vec<Type> = item.function.params.iter().map(|p| p.ty).collect();
        let size = self.sizes.params(&types);
        let parameters = self.fields(
            Kind::Tuple,
            size.size.size_wasm32(),
            size.align.align_wasm32(),
            0,
            &types.iter().map(|ty| (None, *ty)).collect::<Vec<_>>(),
        );
        let result = item.function.result.map_or(0, |ty| self.ty(&ty));
        self.push(&[
            name,
            interface,
            parameters,
            result,
            u32::from(signature.indirect_params),
            u32::from(signature.retptr),
        ])
    }

    /// A length and the bytes, ended by at least one NUL.
    fn name(&mut self, name: &str) -> u32 {
        if let Some(at) = self.names.get(name) {
            return *at;
        }
        let at = self.push(&[name.len() as u32]);
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize((name.len() / 4 + 1) * 4, 0);
        let words = bytes.chunks_exact(4);
        let word = |b: &[u8]| u32::from_le_bytes(b.try_into().expect("chunks are of four bytes"));
        self.words.extend(words.map(word));
        self.names.insert(name.to_owned(), at);
        at
    }

    fn ty(&mut self, ty: &Type) -> u32 {
        let key = format!("{ty:?}");
        if let Some(at) = self.types.get(&key) {
            return *at;
        }
        let at = match ty {
            Type::Bool => self.plain(Kind::Bool, ty),
            Type::S8 => self.plain(Kind::S8, ty),
            Type::U8 => self.plain(Kind::U8, ty),
            Type::S16 => self.plain(Kind::S16, ty),
            Type::U16 => self.plain(Kind::U16, ty),
            Type::S32 => self.plain(Kind::S32, ty),
            Type::U32 | Type::ErrorContext => self.plain(Kind::U32, ty),
            Type::S64 => self.plain(Kind::S64, ty),
            Type::U64 => self.plain(Kind::U64, ty),
            Type::F32 => self.plain(Kind::F32, ty),
            Type::F64 => self.plain(Kind::F64, ty),
            Type::Char => self.plain(Kind::Char, ty),
            Type::String => self.plain(Kind::String, ty),
            Type::Id(id) => self.defined(*id, ty),
        };
        self.types.insert(key, at);
        at
    }

    fn plain(&mut self, kind: Kind, ty: &Type) -> u32 {
        let head = self.head(kind, ty);
        self.push(&head)
    }

    fn head(&self, kind: Kind, ty: &Type) -> [u32; 4] {
        let mut room = [WasmType::I32; MOST_FLAT];
        let mut flat = FlatTypes::new(&mut room);
        let fits = self.world.resolve.push_flat(ty, &mut flat);
        [
            kind as u32,
            self.sizes.size(ty).size_wasm32() as u32,
            self.sizes.align(ty).align_wasm32() as u32,
            if fits { flat.to_vec().len() as u32 } else { 0 },
        ]
    }

    fn defined(&mut self, id: TypeId, ty: &Type) -> u32 {
        let world = self.world;
        match &world.resolve.types[id].kind {
            TypeDefKind::Type(other) => self.ty(other),
            TypeDefKind::List(element) => self.with(Kind::List, ty, element),
            TypeDefKind::Record(record) => {
                let fields: Vec<_> = record
                    .fields
                    .iter()
                    .map(|field| (Some(camel(&field.name)), field.ty))
                    .collect();
                self.fields_of(Kind::Record, ty, &fields)
            }
            TypeDefKind::Tuple(tuple) => {
                let fields: Vec<_> = tuple.types.iter().map(|ty| (None, *ty)).collect();
                self.fields_of(Kind::Tuple, ty, &fields)
            }
            TypeDefKind::Flags(flags) => {
                let names: Vec<_> = flags
                    .flags
                    .iter()
                    .map(|flag| self.name(&camel(&flag.name)))
                    .collect();
                let head = self.head(Kind::Flags, ty);
                let at = self.push(&head);
                self.push(&[names.len() as u32]);
                self.push(&names);
                at
            }
            TypeDefKind::Enum(cases) => {
                let names = cases.cases.iter().map(|case| (case.name.as_str(), None));
                self.cases(Kind::Enum, ty, cases.tag(), &names.collect::<Vec<_>>())
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant
                    .cases
                    .iter()
                    .map(|c| (c.name.as_str(), c.ty.as_ref()));
                self.cases(Kind::Variant, ty, variant.tag(), &cases.collect::<Vec<_>>())
            }
            TypeDefKind::Result(result) => {
                let cases = [("ok", result.ok.as_ref()), ("err", result.err.as_ref())];
                self.cases(Kind::Result, ty, Int::U8, &cases)
            }
            TypeDefKind::Option(inner) => {
                let payload = self.sizes.payload_offset(Int::U8, [Some(inner)]);
                let inner = self.ty(inner);
                let head = self.head(Kind::Option, ty);
                let at = self.push(&head);
                self.push(&[inner, payload.size_wasm32() as u32]);
                at
            }
            TypeDefKind::Handle(handle) => {
                let (kind, resource) = match handle {
                    Handle::Own(id) => (Kind::Own, *id),
                    Handle::Borrow(id) => (Kind::Borrow, *id),
                };
                let resource = self.resource(resource);
                let head = self.head(kind, ty);
                let at = self.push(&head);
                self.push(&[resource]);
                at
            }
            TypeDefKind::Resource
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Unknown => {
                unreachable!("`script::check` refuses worlds with such types")
            }
        }
    }

    fn with(&mut self, kind: Kind, ty: &Type, element: &Type) -> u32 {
        let element = self.ty(element);
        let head = self.head(kind, ty);
        let at = self.push(&head);
        self.push(&[element]);
        at
    }

    /// The number of the resource that an alias stands for.
    fn resource(&self, mut id: TypeId) -> u32 {
        while let TypeDefKind::Type(Type::Id(of)) = &self.world.resolve.types[id].kind {
            id = *of;
        }
        let found = self.resources.iter().position(|resource| *resource == id);
        found.expect("`script::check` refuses resources that are not imported") as u32
    }

    fn fields_of(&mut self, kind: Kind, ty: &Type, fields: &[(Option<String>, Type)]) -> u32 {
        let [_, size, align, flat] = self.head(kind, ty);
        self.fields(kind, size as usize, align as usize, flat, fields)
    }

    fn fields(
        &mut self,
        kind: Kind,
        size: usize,
        align: usize,
        flat: u32,
        fields: &[(Option<String>, Type)],
    ) -> u32 {
        let offsets: Vec<u32> = self
            .sizes
            .field_offsets(fields.iter().map(|(_, ty)| ty))
            .iter()
            .map(|(offset, _)| offset.size_wasm32() as u32)
            .collect();
        let mut words = Vec::new();
        for ((name, ty), offset) in fields.iter().zip(offsets) {
            let name = name.as_ref().map_or(0, |name| self.name(name));
            words.extend([name, self.ty(ty), offset]);
        }
        let count = fields.len() as u32;
        let at = self.push(&[kind as u32, size as u32, align as u32, flat, count]);
        self.push(&words);
        at
    }

    fn cases(&mut self, kind: Kind, ty: &Type, tag: Int, cases: &[(&str, Option<&Type>)]) -> u32 {
        let payload = self
            .sizes
            .payload_offset(tag, cases.iter().map(|(_, ty)| *ty));
        let mut words = Vec::new();
        for (name, ty) in cases {
            let name = self.name(name);
            words.extend([name, ty.map_or(0, |ty| self.ty(ty))]);
        }
        let tag = match tag {
            Int::U8 => 1,
            Int::U16 => 2,
            Int::U32 | Int::U64 => 4,
        };
        let head = self.head(kind, ty);
        let at = self.push(&head);
        self.push(&[tag, payload.size_wasm32() as u32, cases.len() as u32]);
        self.push(&words);
        at
    }
}
