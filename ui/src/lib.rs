#![doc = include_str!("../README.md")]

pub mod assets;
pub mod format;
mod helpers;
pub mod mails;
mod pages;
mod render;
mod snippets;
pub mod views;

pub use pages::{Pages, UiError};
