// Generated from the parameter table (widget_server/domain/query.py): do not edit by hand.
export const ATTRIBUTES = ["partner","romes","insee","postcode","latitude","longitude","departement","region","radius","kinds","level","limit","view","form","lock","frame-title","heading-level","theme","scheme","accent","corner","font","lang"]
