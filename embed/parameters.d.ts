// Generated from the parameter table (widget_server/domain/query.py): do not edit by hand.
/** Query parameters as the page receives them: every value is text. */
export interface AlternanceParams {
  partner?: string;
  romes?: string;
  insee?: string;
  postcode?: string;
  latitude?: string;
  longitude?: string;
  departement?: string;
  region?: string;
  radius?: string;
  kinds?: string;
  level?: string;
  limit?: string;
  page?: string;
  view?: string;
  form?: string;
  lock?: string;
  title?: string;
  heading_level?: string;
  theme?: string;
  scheme?: string;
  accent?: string;
  corner?: string;
  font?: string;
  lang?: string;
}
