#![doc = include_str!("../README.md")]

pub mod access;
pub mod address;
pub mod clock;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod domain;
pub mod http;
pub mod id;
pub mod mail;
pub mod master_key;
pub mod sealing;
pub mod secret;
pub mod store;
pub mod timeseries;
pub mod tls;
