// Generated from the parameter table (widget_server/domain/query.py): do not edit by hand.
/** Query parameters as the page receives them: every value is text. */
export interface AlternanceParams {
  /** Identifiant du site partenaire. Sans lui, la page s'affiche mais ne peut pas être intégrée. */
  partner?: string;
  /** De 1 à 20 codes ROME, séparés par des virgules. Un code désigne aussi tous les codes plus précis. */
  romes?: string;
  /** Code INSEE de la commune (5 caractères, 2A et 2B compris, arrondissements acceptés). */
  insee?: string;
  /** Code postal à 5 chiffres. */
  postcode?: string;
  /** Latitude WGS84 en degrés, avec longitude ; 0 est une valeur valable. Arrondie à 3 décimales. */
  latitude?: string;
  /** Longitude WGS84 en degrés, avec latitude ; 0 est une valeur valable. Arrondie à 3 décimales. */
  longitude?: string;
  /** Code du département : 01 à 95, 2A, 2B, 971 à 976. Le rayon est alors ignoré. */
  departement?: string;
  /** Code INSEE de la région (2 chiffres). Le rayon est alors ignoré. */
  region?: string;
  /** Rayon en kilomètres, de 0 à 200 ; 0 = la commune seule. */
  radius?: string;
  /** Ce qui est montré : formations (training), offres (offer), recruteurs probables (recruiter). */
  kinds?: string;
  /** Niveau de diplôme : 3 CAP, 4 bac, 5 bac+2, 6 bac+3 et +4, 7 bac+5. Les fiches sans niveau connu restent dans la liste. */
  level?: string;
  /** Contrat : apprentissage ou professionnalisation. Les fiches sans contrat connu, dont les recruteurs probables, restent dans la liste. */
  contract?: string;
  /** Si la liste est vide, la page cherche plus loin et le dit : 30, 60 puis 100 km (auto), ou jamais (none). En JSON, jamais. */
  widen?: string;
  /** Nombre de fiches par page, de 1 à 50. */
  limit?: string;
  /** Numéro de page, à partir de 1 ; au-delà de la dernière, la dernière. */
  page?: string;
  /** Présentation : la liste seule, ou avec le plan d’abord (map). */
  view?: string;
  /** Formulaire de recherche complet, ou seulement les champs qui manquent (none). */
  form?: string;
  /** Critères affichés en texte et que le visiteur ne peut pas changer. */
  lock?: string;
  /** Titre de la liste et du cadre, 80 caractères au plus. */
  title?: string;
  /** Niveau du premier titre, de 2 à 4. */
  heading_level?: string;
  /** Habillage : neutre. */
  theme?: string;
  /** Couleurs claires, sombres, ou selon le réglage du visiteur (auto). */
  scheme?: string;
  /** Couleur d'accent, 6 chiffres hexadécimaux sans #. Un contraste insuffisant est corrigé. */
  accent?: string;
  /** Arrondi des angles en pixels, de 0 à 16. */
  corner?: string;
  /** Police du système, ou à empattements (serif). */
  font?: string;
  /** Langue de la page : français (fr) ou anglais (en). Les textes des sources restent en français. */
  lang?: string;
}

/** Attributes of the element; each may also be written with `data-` before it, which wins. */
export interface AlternanceAttributes {
  /** Identifiant du site partenaire. Sans lui, la page s'affiche mais ne peut pas être intégrée. */
  'partner'?: string | number;
  /** De 1 à 20 codes ROME, séparés par des virgules. Un code désigne aussi tous les codes plus précis. */
  'romes'?: string | number;
  /** Code INSEE de la commune (5 caractères, 2A et 2B compris, arrondissements acceptés). */
  'insee'?: string | number;
  /** Code postal à 5 chiffres. */
  'postcode'?: string | number;
  /** Latitude WGS84 en degrés, avec longitude ; 0 est une valeur valable. Arrondie à 3 décimales. */
  'latitude'?: string | number;
  /** Longitude WGS84 en degrés, avec latitude ; 0 est une valeur valable. Arrondie à 3 décimales. */
  'longitude'?: string | number;
  /** Code du département : 01 à 95, 2A, 2B, 971 à 976. Le rayon est alors ignoré. */
  'departement'?: string | number;
  /** Code INSEE de la région (2 chiffres). Le rayon est alors ignoré. */
  'region'?: string | number;
  /** Rayon en kilomètres, de 0 à 200 ; 0 = la commune seule. */
  'radius'?: string | number;
  /** Ce qui est montré : formations (training), offres (offer), recruteurs probables (recruiter). */
  'kinds'?: string | number;
  /** Niveau de diplôme : 3 CAP, 4 bac, 5 bac+2, 6 bac+3 et +4, 7 bac+5. Les fiches sans niveau connu restent dans la liste. */
  'level'?: string | number;
  /** Contrat : apprentissage ou professionnalisation. Les fiches sans contrat connu, dont les recruteurs probables, restent dans la liste. */
  'contract'?: string | number;
  /** Si la liste est vide, la page cherche plus loin et le dit : 30, 60 puis 100 km (auto), ou jamais (none). En JSON, jamais. */
  'widen'?: string | number;
  /** Nombre de fiches par page, de 1 à 50. */
  'limit'?: string | number;
  /** Présentation : la liste seule, ou avec le plan d’abord (map). */
  'view'?: string | number;
  /** Formulaire de recherche complet, ou seulement les champs qui manquent (none). */
  'form'?: string | number;
  /** Critères affichés en texte et que le visiteur ne peut pas changer. */
  'lock'?: string | number;
  /** Titre de la liste et du cadre, 80 caractères au plus. */
  'frame-title'?: string | number;
  /** Niveau du premier titre, de 2 à 4. */
  'heading-level'?: string | number;
  /** Habillage : neutre. */
  'theme'?: string | number;
  /** Couleurs claires, sombres, ou selon le réglage du visiteur (auto). */
  'scheme'?: string | number;
  /** Couleur d'accent, 6 chiffres hexadécimaux sans #. Un contraste insuffisant est corrigé. */
  'accent'?: string | number;
  /** Arrondi des angles en pixels, de 0 à 16. */
  'corner'?: string | number;
  /** Police du système, ou à empattements (serif). */
  'font'?: string | number;
  /** Langue de la page : français (fr) ou anglais (en). Les textes des sources restent en français. */
  'lang'?: string | number;
  /** Hauteur réservée en pixels avant que la liste ne donne la sienne. */
  'height'?: string | number;
  /** Chargement du cadre : à l'approche de l'écran (lazy) ou tout de suite (eager). */
  'loading'?: string | number;
  /** Hauteur automatique, ou fixe avec un défilement dans le cadre (fixed). */
  'sizing'?: string | number;
}

/** What can be wrong with a parameter. */
export type ParameterProblem =
  /** Aucun métier n'est donné. */
  | 'rome_missing'
  /** Ce n'est pas un code ROME. */
  | 'rome_malformed'
  /** Ce code ROME n'existe pas. */
  | 'rome_unknown'
  /** Ce code ROME est ancien ; les codes qui le remplacent ont été pris. */
  | 'rome_replaced'
  /** Il y a trop de valeurs ; les premières sont gardées. */
  | 'too_many'
  /** Aucun lieu n'est donné. */
  | 'place_missing'
  /** Plusieurs lieux sont donnés ; un seul est gardé. */
  | 'place_ambiguous'
  /** Ce lieu n'existe pas. */
  | 'place_unknown'
  /** Cette commune a changé de code ; le code actuel a été pris. */
  | 'place_replaced'
  /** Latitude et longitude vont ensemble. */
  | 'pair_incomplete'
  /** Ce n'est pas un nombre. */
  | 'not_a_number'
  /** La valeur est hors des bornes. */
  | 'out_of_bounds'
  /** Cette valeur n'est pas dans la liste. */
  | 'value_unknown'
  /** La valeur n'a pas la forme attendue. */
  | 'malformed'
  /** Le texte est trop long ; il a été coupé. */
  | 'too_long'
  /** Ce paramètre n'existe pas ; il est ignoré. */
  | 'param_unknown'
  /** La page n'existe pas dans cette langue ; elle est en français. */
  | 'lang_unknown'
  /** Ce paramètre est donné plusieurs fois ; la première valeur est gardée. */
  | 'param_repeated'
  /** Cette page n'existe pas ; la dernière est montrée. */
  | 'page_past_end'
  /** Ce partenaire n'est pas enregistré ; la page ne peut pas être intégrée. */
  | 'partner_unknown'
  /** Ce critère est fixé pour ce partenaire ; la valeur enregistrée est gardée. */
  | 'param_fixed'
  /** D'autres valeurs ont le même défaut que les premières ; elles sont comptées. */
  | 'and_more'
  /** Ce partenaire ne montre pas cette sorte de fiches. */
  | 'kind_excluded';
