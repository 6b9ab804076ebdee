//! Channels, deliveries, heartbeats and what else goes out.

diesel::table! {
    account_mail (id) {
        id -> BigInt,
        created_at -> BigInt,
        due_at -> BigInt,
        attempts -> Integer,
        sealed_mail -> Binary,
    }
}

diesel::table! {
    channel (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        name -> Text,
        kind -> Text,
        enabled -> Bool,
        sealed_settings -> Binary,
        shown -> Text,
        severity -> Text,
        from_minute -> Nullable<Integer>,
        to_minute -> Nullable<Integer>,
        zone -> Nullable<Text>,
        created_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    channel_link (token_hash) {
        token_hash -> Binary,
        organisation_id -> BigInt,
        channel_id -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    confirmation_mail (id) {
        id -> BigInt,
        organisation_id -> Nullable<BigInt>,
        channel_id -> Nullable<BigInt>,
        address_hash -> Binary,
        sent_at -> BigInt,
    }
}

diesel::table! {
    delivery (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        channel_id -> BigInt,
        incident_id -> Nullable<BigInt>,
        kind -> Text,
        state -> Text,
        created_at -> BigInt,
        due_at -> BigInt,
        attempts -> Integer,
        status -> Nullable<Integer>,
        problem -> Nullable<Text>,
        took -> Nullable<Integer>,
        message_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    delivery_message (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        bytes -> BigInt,
        content -> Text,
    }
}

diesel::table! {
    organisation_mail (organisation_id) {
        organisation_id -> BigInt,
        since -> BigInt,
        sent -> BigInt,
    }
}

diesel::table! {
    alert_bundle (bundle) {
        bundle -> BigInt,
        organisation_id -> BigInt,
    }
}

diesel::table! {
    sender_lease (only) {
        only -> BigInt,
        holder -> BigInt,
        until -> BigInt,
    }
}

diesel::table! {
    heartbeat (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        sealed_address -> Binary,
        shown -> Text,
        method -> Text,
        every_minutes -> Integer,
        created_at -> BigInt,
        due_at -> BigInt,
        arrived_at -> Nullable<BigInt>,
        tried_at -> Nullable<BigInt>,
        status -> Nullable<Integer>,
        problem -> Nullable<Text>,
        took -> Nullable<Integer>,
    }
}

diesel::table! {
    alert_evaluation (only) {
        only -> BigInt,
        at -> BigInt,
    }
}
