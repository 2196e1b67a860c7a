// Generated from the parameter table (widget_server/domain/query.py): do not edit by hand.
export const ATTRIBUTES = 'accent contract corner departement font form frame-title heading-level insee kinds lang latitude level limit lock longitude partner postcode radius region romes scheme theme view widen'.split(' ');
