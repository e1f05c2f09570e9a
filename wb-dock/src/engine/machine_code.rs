//! Compiled code as bytes: for an engine of the same settings in a process that trusts
//! this one.

use wasmtime::Module;
use wasmtime::component::Component;

use super::Engine;
use crate::error::Error;
use crate::program::{ComponentProgram, Program};

impl Program {
    /// The machine code of the program, for [`Engine::load_code`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Engine`](crate::ErrorKind::Engine) when there is no memory for it.
    pub fn code(&self) -> Result<Vec<u8>, Error> {
        let code = self.module().serialize();
        code.map_err(|error| Error::engine(&error))
    }
}

impl ComponentProgram {
    /// The machine code of the component, for [`Engine::load_component_code`].
    ///
    /// # Errors
    ///
    /// As for [`Program::code`].
    pub fn code(&self) -> Result<Vec<u8>, Error> {
        let code = self.component().serialize();
        code.map_err(|error| Error::engine(&error))
    }
}

impl Engine {
    /// The program whose machine code is `code` and whose wasm has the SHA-256 `digest`,
    /// without compiling it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Engine`](crate::ErrorKind::Engine) when the code was made by another
    /// version of the engine, under other settings (fuel is one), for a processor with
    /// what this one has not, or of a component.
    ///
    /// # Safety
    ///
    /// `code` is the unchanged output of [`Program::code`]. It runs with the rights of this
    /// process, and nothing but version and settings is checked.
    #[expect(
        unsafe_code,
        reason = "whoever calls it says where the code comes from"
    )]
    pub unsafe fn load_code(&self, code: &[u8], digest: [u8; 32]) -> Result<Program, Error> {
        // SAFETY: the caller vouches for the code as for that of the engine itself.
        let module = unsafe { Module::deserialize(self.raw(), code) };
        let module = module.map_err(|error| Error::engine(&error))?;
        Ok(Program::new(self, module, digest))
    }

    /// The same for a component.
    ///
    /// # Errors
    ///
    /// As for [`Engine::load_code`].
    ///
    /// # Safety
    ///
    /// As for [`Engine::load_code`], with the output of [`ComponentProgram::code`].
    #[expect(
        unsafe_code,
        reason = "whoever calls it says where the code comes from"
    )]
    pub unsafe fn load_component_code(
        &self,
        code: &[u8],
        digest: [u8; 32],
    ) -> Result<ComponentProgram, Error> {
        // SAFETY: the caller vouches for the code as for that of the engine itself.
        let component = unsafe { Component::deserialize(self.raw(), code) };
        let component = component.map_err(|error| Error::engine(&error))?;
        Ok(ComponentProgram::new(self, component, digest))
    }
}
