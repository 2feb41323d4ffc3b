//! The reports of made-up runs.

mod attribute;
mod browser;
mod common;
mod compare;
mod html;
mod json;
mod junit;
mod ladder;
mod markdown;
mod merge;
mod summary;
mod terminal;
