"""What the texts of offers must not say, as patterns over plain words, with what makes each of them harmless.

Patterns see a text without case, accents and punctuation, where " | " stands at the end of every sentence, so that none
reaches from one sentence into the next. The law meant is the French labour code (code du travail): sex L1142-1 and
R1142-1, origin L1132-1, age L5331-2 with the ages of apprenticeship L6222-1, L6222-2, D6222-1 and of
professionalisation L6325-1, money asked of a candidate L5321-3 and of an apprentice L6211-1.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_SENTENCE_ENDS: Final = ".!?;\n\r•·"
_SPELLED: Final[Mapping[str, str]] = {
    "œ": "oe", "æ": "ae", "€": " euros ", "%": " pourcent ", **dict.fromkeys(_SENTENCE_ENDS, " | ")
}  # fmt: skip
_THOUSANDS: Final = re.compile(r"(?<=\d)[. \u00a0\u202f](?=\d{3}(?!\d))")
_AROUND: Final = 70
"""Characters before and after a match that are searched for what makes it harmless, within its sentence."""
_JUST_BEFORE: Final = 25
_SHOWN: Final = 80


class _Folding(dict[int, str]):
    """A table for `str.translate` that learns each character once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        told = _SPELLED.get(char)
        if told is None:
            base = unicodedata.normalize("NFKD", char)[0]
            told = base if base.isascii() and base.isalnum() else " "
            if unicodedata.combining(char):
                told = ""
        self[code] = told
        return told


_FOLDING: Final = _Folding()


def plain(told: str) -> str:
    """Lower-case words between single spaces, " | " after each sentence, a space at both ends."""
    return f" {' '.join(_THOUSANDS.sub('', told.casefold()).translate(_FOLDING).split())} "


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """One pattern.

    words    one of these pieces occurs in every text that matches: the quick look that spares most texts the pattern
    unless   what makes a match harmless when it is found around it, in the same sentence
    denied   what makes it harmless when it stands just before it
    """

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    denied: re.Pattern[str] | None = None

    def may_match(self, text: str) -> bool:
        """The quick look: every text is asked for every phrase, and any(...) would cost twice as much."""
        for word in self.words:  # noqa: SIM110
            if word in text:
                return True
        return False

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Every match that nothing makes harmless."""
        if not self.may_match(text):
            return
        for match in self.pattern.finditer(text):
            if self.unless is not None and self.unless.search(_around(text, match)):
                continue
            if self.denied is not None and self.denied.search(_before(text, match)):
                continue
            yield match


def found(text: str, phrases: tuple[Phrase, ...]) -> str | None:
    """The words of the first match, None without one."""
    for phrase in phrases:
        if phrase.may_match(text):
            for match in phrase.matches(text):
                return match[0].strip()[:_SHOWN]
    return None


def _around(text: str, match: re.Match[str]) -> str:
    """The sentence of a match, not too far from it; both ends have a space."""
    begin = max(text.rfind("|", 0, match.start() + 1) + 1, match.start() - _AROUND)
    end = text.find("|", match.end() - 1)
    end = min(len(text) if end < 0 else end, match.end() + _AROUND)
    return f" {text[begin:end]} "


def _before(text: str, match: re.Match[str]) -> str:
    """The last words of the sentence before a match, with the first space of the match."""
    begin = max(text.rfind("|", 0, match.start() + 1) + 1, match.start() - _JUST_BEFORE)
    return text[begin : match.start() + 1]


def _phrase(words: str, pattern: str, unless: str = "", denied: str = "") -> Phrase:
    return Phrase(
        words=tuple(words.split(",")),
        pattern=re.compile(pattern),
        unless=re.compile(unless) if unless else None,
        denied=re.compile(denied) if denied else None,
    )


_MALE: Final = r"(?:hommes?|monsieur|messieurs|garcons?)"
_FEMALE: Final = r"(?:femmes?|dames?|filles?|demoiselles?)"
_SEXES: Final = rf"(?:{_MALE}|{_FEMALE})"
_BOTH: Final = rf" {_MALE} (?:[a-z]+ ){{0,5}}{_FEMALE} | {_FEMALE} (?:[a-z]+ ){{0,5}}{_MALE} | h f | f h "
_TRADES: Final = (
    r"(?! (?:de (?:cafe|salle|restaurant|chambre|menage|service|pied|cour|terrain|confiance|main|metier|l art"
    r"|couloir)|d entretien"
    r"|toutes? mains?"
    r"|a tout faire|cle|orchestre|du metier|enceinte))"
)
"""Trades and figures of speech that begin like a sex."""
_CUSTOMERS: Final = (
    r" (?:client|vetement|pret a porter|coiff|rayon|collection|chaussure|lingerie|parfum|mode|salon|salle|vestiaire"
    r"|hammam|institut|soin|epilation|barb|public|foyer|heberg|accueil|accompagn|sport|univers|patient|resident"
    r"|usager|detenu|accessoire|bijou|ligne|violence)"
)
"""Words that say that a sex is the customers', not the candidate's."""
_SEEK: Final = r"(?:recherch|cherch|recrut|embauch|souhait|privilegi|prefer|engag)[a-z]*"
_JUST: Final = r"(?:uniquement|exclusivement|seulement|strictement|imperativement)"

SEX: Final = (
    _phrase(
        "cherch,recrut,embauch,souhait,privilegi,prefer,engag",
        rf" {_SEEK} (?:(?:un|une|des|d|de|que|plutot|preference|nouvelle|nouveau"
        rf"|{_JUST}) ){{0,4}}(?:jeunes? )?{_SEXES}{_TRADES} ",
        rf"{_BOTH}|{_CUSTOMERS}",
    ),
    _phrase(
        "reserve,destine,adresse,uniquement,exclusivement,seulement,strictement",
        r" (?:poste|offre|emploi|annonce|contrat|recrutement|candidature)s? (?:(?:est|sont|en|alternance"
        r"|apprentissage) )*"
        rf"(?:(?:reserve|destine|adresse)[a-z]* (?:{_JUST} )?|(?:ouvert[a-z]* |accessible[a-z]* )?{_JUST} )"
        rf"(?:aux?|a des|a une?|pour|a) (?:(?:un|une|des|les) )?(?:jeunes? )?{_SEXES}{_TRADES} ",
        rf"{_BOTH}|{_CUSTOMERS}",
    ),
    _phrase(
        "homme,femme",
        rf" (?:hommes?|femmes?) (?:{_JUST}|only|exigee?s?|obligatoires?|s abstenir) ",
        rf"{_BOTH}|{_CUSTOMERS}",
    ),
    _phrase(
        "masculin,feminin",
        r" (?:candidat[a-z]*|profils?|collaborat[a-z]*|apprenti[a-z]*|alternant[a-z]*|vendeu[a-z]*)"
        r" (?:de (?:sexe|genre) )?(?:masculins?|feminin(?:e?s?)) ",
        r" masculin[a-z]* (?:[a-z]+ ){0,3}feminin| feminin[a-z]* (?:[a-z]+ ){0,3}masculin| encourag| bienvenu"
        r"| pret a porter| equipe| public| client",
    ),
    _phrase(
        "de sexe",
        r" de sexe (?:masculin|feminin) ",
        rf" masculin (?:[a-z]+ ){{0,3}}feminin| feminin (?:[a-z]+ ){{0,3}}masculin|{_CUSTOMERS}",
    ),
    _phrase(
        "etes un,etre un",
        rf" (?:vous etes|etre) (?:{_JUST} )?une? (?:jeune )?{_SEXES}{_TRADES} ",
        _BOTH,
    ),
    _phrase(
        "preference,si possible,plutot,imperativement",
        rf" (?:de preference|plutot|imperativement) une? (?:jeune )?{_SEXES}{_TRADES} "
        rf"| une? (?:jeune )?{_SEXES} (?:de preference|si possible) ",
        rf"{_BOTH}| (?:patients?|clients?|clientes?|clientele) ",
    ),
)  # fmt: skip
"""A sex asked of the candidate."""

ROLES: Final = ("L1102", "L1201", "L1203")
"""Occupations for which a sex may be asked: artists who play a part, and models."""

_PEOPLE: Final = (
    r"(?:etrangers?|etrangeres?|arabes?|noirs|noires|maghrebine?s?|africaine?s?|gitane?s?|tziganes?|juifs?|juives?"
    r"|musulmane?s?|asiatiques?|antillaise?s?|roumaine?s?)"
)
_ORIGINS: Final = (
    r"(?:europeen[a-z]*|caucasien[a-z]*|blanche?s?|africain[a-z]*|maghrebin[a-z]*|asiatique[a-z]*|arabes?|noire?s?"
    r"|francais[a-z]*|antillais[a-z]*)"
)
_HELPED: Final = r" (?:accompagn|accueil|aupres|public|aide|aider|heberg|patient|client|beneficiaire|insertion)"

ORIGIN: Final = (
    _phrase(
        "type,race,origine,peau,couleur",
        r" (?:candidat[a-z]*|profils?|personnes?|physique|femme|homme|vendeu[a-z]*|hotes[a-z]*|serveu[a-z]*)"
        rf" (?:d |de )?(?:type|race|origine|peau|couleur)s? {_ORIGINS} ",
        _HELPED,
    ),
    _phrase("de souche,de race", rf" francais[a-z]* de souche | de race {_ORIGINS} ", r" race (?:charolaise"
    r"|limousine)"),
    _phrase("abstenir", rf" {_PEOPLE} s abstenir "),
    _phrase(
        "pas d,sauf,aucun,ni ",
        rf" (?:pas (?:de |d )|sauf |aucune? )(?:(?:candidat[a-z]*|personnes?|profils?) )?{_PEOPLE} ",
        r" chaussure| vetement| tenue| vehicule| langue| produit",
    ),
    _phrase(
        "d origine",
        r" d origine (?:francaise|europeenne) (?:est |etant )?(?:exigee?s?|obligatoires?|imperati[a-z]*|uniquement"
        r"|exclusivement|souhaitee?s?)",
        r" viande| produit| boeuf| matiere| bois| lait| fruit| legume| piece| farine| fournisseur",
    ),
    _phrase("bbr", r" profils? (?:type )?bbr "),
)  # fmt: skip
"""An origin asked of the candidate, or excluded."""

NATIONALITY: Final = (
    _phrase(
        "nationalite",
        r" nationalite (?:francaise|europeenne) (?:[a-z]+ )?(?:exigee|obligatoire|requise|imperative|souhaitee"
        r"|uniquement|indispensable)"
        r"| (?:etre|etes|avoir|posseder|avez) (?:imperativement "
        r"|obligatoirement )?(?:de )?(?:la )?nationalite francaise ",
    ),
)
NATIONAL: Final = re.compile(
    r" (?:habilitation|defense|secret|armees?|militaire|gendarmerie|police|douanes?|fonction publique|fonctionnaire"
    r"|ministere|concours|nucleaire) "
)
"""Where a nationality may be asked: posts of the State, secrets of its defence."""

MOTHER_TONGUE: Final = (
    _phrase(
        "langue maternelle",
        r" langue maternelle (?:[a-z]+ )?(?:francaise|anglaise|allemande|espagnole|italienne|exigee|obligatoire)"
        r"| (?:francais|anglais|allemand|espagnol|italien) langue maternelle ",
        r" ou niveau| ou equivalent| bilingue",
    ),
)

_CANDIDATE: Final = (
    r"(?:vous avez|vous etes|etre|etes|avoir|ayant|agee?s?|ages?|candidat[a-z]*|profils?|jeunes?|apprenti[a-z]*"
    r"|alternant[a-z]*|reserve[a-z]*|ouverte?s?|personnes?)"
)
_OTHERS_AGES: Final = (
    r" (?:enfants?|eleves?|publics?|accueillir|accueillant|accompagn[a-z]*|garde|creche|mineurs?|adolescents?"
    r"|usagers?|residents?|patients?"
    r"|clients?|suivi[a-z]*|encadr[a-z]*|anim[a-z]*|insertion|beneficiaires?|moyenne|moyen|experience|anciennete"
    r"|joueurs?|licencies?|sportifs?|familles?|seniors?|\d+ (?:personnes|salaries|collaborateurs)|personnes agees"
    r"|existence|entreprise (?:de|a)|salaries"
    r"|permis depuis) "
)
_AGE: Final = (
    _phrase("moins de", rf" {_CANDIDATE} (?:[a-z]+ ){{0,4}}moins de (?P<below>\d\d) ans ", _OTHERS_AGES),
    _phrase(
        "ans",
        rf" {_CANDIDATE} (?:[a-z]+ ){{0,4}}(?:entre |de )?\d\d (?:ans )?(?:et|a) (?P<upper>\d\d) ans ",
        _OTHERS_AGES,
    ),
    _phrase("max", r" (?P<upper>\d\d) ans (?:revolus )?max(?:imum|i)? ", _OTHERS_AGES),
    _phrase(
        "max,jusqu a,limite d age,au plus",
        r" (?:age (?:maximum|maxi|max|limite)|limite d age|jusqu a|au plus) (?:[a-z]+ ){0,2}(?P<upper>\d\d) ans ",
        _OTHERS_AGES,
    ),
)
_APPRENTICE_AGES: Final = frozenset({29, 30, 34, 35})
"""Upper limits that apprenticeship itself sets: 29, and 35 after another contract; people say 30 and 34 too."""
_PROFESSIONAL_AGES: Final = frozenset({25, 26})
_YOUNGEST_LIMIT: Final = 16
"""Ages below are not a candidate's."""


def age_limit(text: str, contracts: frozenset[str]) -> str | None:
    """The words that set an upper age which no contract on offer has in law; None without any."""
    legal: frozenset[int] = frozenset()
    if "apprentissage" in contracts or " apprenti" in text:
        legal |= _APPRENTICE_AGES
    if "professionnalisation" in contracts or " professionnalisation" in text or " contrat pro " in text:
        legal |= _PROFESSIONAL_AGES
    for phrase in _AGE:
        for match in phrase.matches(text):
            told = match.groupdict()
            upper = int(told["below"]) - 1 if "below" in told else int(told["upper"])
            if upper >= _YOUNGEST_LIMIT and upper not in legal:
                return match[0].strip()[:_SHOWN]
    return None


ALTERNATING: Final = (
    " alternan", " apprenti", "professionnalisation", " contrat pro ", " contrats pro ", " cfa ", " en alternance",
)  # fmt: skip
"""A text that says so itself is about an apprenticeship."""

INTERNSHIP_TITLE: Final = (
    _phrase(
        "stage,stagiaire,internship",
        r"^ (?:[a-z]+ )?(?:offres? de )?(?:stages?|stagiaires?|internship) (?!et |ou |en entreprise des )"
        r"| (?:en|pour un) stage | stage (?:de fin d etudes|pfe|conventionne|remunere) | stagiaire (?:h f|f h)? ?$"
        r"|\bstage $",
        r" gestion| charge| responsable| tuteur| relations| coordinat| formateur| conseiller",
    ),
)
INTERNSHIP_TEXT: Final = (
    _phrase(
        "convention de stage,gratification,stage ",
        r" convention de stage (?:est )?(?:obligatoire|exigee|requise|tripartite|indispensable)"
        r"| gratification (?:de stage|legale|mensuelle|minimale)"
        r"| stage (?:de fin d etudes|conventionne|non remunere|de \d+ mois) ",
    ),
)

NO_ALTERNATION: Final = (
    _phrase(
        "alternan,apprenti",
        r" (?:alternant[a-z]*|apprenti[a-z]*) (?:et [a-z]+ )?s abstenir "
        r"| alternance (?:non (?:possible|acceptee|ouverte|proposee)|impossible|exclue|refusee) "
        r"| (?:hors|pas d) (?:alternan[a-z]+|apprenti[a-z]*)\b(?! (?:jour|entre|des|de (?:poste|travail)|du|avec|les"
        r"|le|la) ?)"
        r"| poste (?:n est pas|non) (?:ouvert|eligible|accessible|propose) (?:a|en|aux) (?:l )?(?:alternan"
        r"|apprenti)[a-z]*"
        r"| n (?:acceptons|prenons|recherchons|recrutons) pas (?:les |d |de |en )?(?:alternan|apprenti)[a-z]*",
        r" actuellement| jamais eu| encore| ancien",
    ),
)
ORDINARY_TITLE: Final = (_phrase("cdi,cdd,interim", r" (?:cdi|cdd|interim) "),)

_SUM: Final = r"\d{2,6} ?(?:euros|eur) "
_CARRIED: Final = (
    r" (?:prise? en charge|prend en charge|prenons en charge|offerte?s?|rembours[a-z]*|gratuite?s?|finance[a-z]*|opco"
    r"|0 euros|employeur|entreprise|budget|salaries|equipes|collaborateurs) "
)
_NONE: Final = r" (?:aucune?s?|sans|zero|pas de|pas|ni|jamais|non) (?:de |d )?$"
PAY: Final = (
    _phrase(
        "frais,cout,tarif,prix",
        r" (?:frais|couts?|tarifs?|prix) (?:de |d |du |des )(?:la |l |votre )?(?:formation|scolarite|inscription"
        r"|cursus|dossier"
        rf"|candidature|reservation) (?:[a-z]+ ){{0,6}}{_SUM}",
        _CARRIED,
        denied=_NONE,
    ),
    _phrase(
        "frais de,frais d inscription",
        rf" {_SUM}(?:[a-z]+ ){{0,3}}frais (?:de |d )(?:dossier|inscription|candidature|reservation) ",
        _CARRIED,
    ),
    _phrase(
        "a votre charge,a la charge,a sa charge",
        r" frais (?:de |d )(?:la |l )?(?:formation|scolarite|inscription|dossier|candidature) (?:[a-z]+ ){0,4}"
        r"a (?:votre|sa|la) charge (?:du candidat |de l apprenti |de l alternant |de l etudiant |\| ?|$)?",
        r" (?:pas|non|jamais|aucun|ni|charge (?:de l (?:employeur|entreprise|opco)|du cfa)) ",
    ),
    _phrase(
        "vers,paye,regl,envo,virement,acompte",
        r" (?:vers[a-z]+|payer|payez|regler|reglez|envoyer|envoyez|virement|acompte)"
        rf" (?:[a-z]+ ){{0,6}}{_SUM}(?:[a-z]+ ){{0,4}}(?:pour|afin de|avant de) (?:[a-z]+ ){{0,3}}"
        r"(?:postuler|valider|candidat[a-z]*|dossier|reserver|inscription|embauche|place) ",
        r" prime| salaire| indemnite",
    ),
    _phrase(
        "western union,mandat cash,pcs,transcash,neosurf",
        r" (?:envoyer|envoyez|payer|payez|regler|reglez|verser|versez|par|via) (?:[a-z]+ ){0,5}"
        r"(?:western union|mandat cash|(?:recharges?|tickets?|coupons?) pcs|transcash|neosurf) ",
        r" (?:client|vente|vendre|vendez|guichet|tabac)",
    ),
)  # fmt: skip
"""Money asked of the candidate."""

SOLD: Final = (
    _phrase(
        "votre cpf,votre compte",
        r" votre (?:cpf|compte (?:cpf|personnel de formation|formation)) ",
        r" (?:client|apprenants|vendre|vendez|droits|solde|alimente) ",
    ),
    _phrase(
        "inscri",
        r" (?:inscrivez vous|preinscrivez vous|inscriptions? (?:(?:sont|encore|deja) )*(?:ouvertes?|en cours"
        r"|immediates?))"
        r" (?:[a-z]+ ){0,5}(?:formation|rentree|ecole|campus|bts|bachelor|mastere?|cfa|promotion|session|journee)",
        r" (?:gestion|gerer|suivi|suivre) ",
    ),
    _phrase(
        "place,rentree",
        r" places? (?:encore )?(?:disponibles?|restantes?|a pourvoir) (?:dans|pour|en) (?:notre|nos|la|cette) "
        r"(?:[a-z]+ )?(?:formation|promotion|session|rentree|bts|bachelor|mastere?|classe)",
    ),
)  # fmt: skip
"""A training that is sold, whatever the title says."""
TRAINING_TITLE: Final = (
    _phrase(
        "formation,portes ouvertes,preparez",
        r"^ (?:(?:nouvelle|votre|offre|journees?) )?(?:formation|preparez|portes ouvertes) (?!des |continue |rh )",
    ),
)
SCHOOL_SPEAKS: Final = (
    _phrase(
        "notre,nos",
        r" (?:notre|nos) (?:[a-z]+ )?(?:ecoles?|campus|cfa|centres? de formation|organisme de formation|institut"
        r"|etudiants|formateurs"
        r"|apprenants|pedagogie|cursus|formations?|bachelors?|masteres?|bts) ",
        r" (?:interne|internes|partenaire|d entreprise) ",
    ),
)
"""A school that speaks of itself."""
VIA_SCHOOL: Final = (
    _phrase(
        "partenaire,adherent",
        r" (?:pour|chez|aupres d|au sein d|sein d) ?(?:le compte (?:de |d ))?(?:l )?une? (?:de |d )?(?:ses|nos"
        r"|notre|son)"
        r" (?:entreprises? )?(?:partenaires?|adherente?s?)",
    ),
    _phrase(
        "partenaire,adherent",
        r" (?:pour|de|par|chez) (?:ses|nos|notre|son) (?:entreprises? |employeurs? )(?:partenaires?|adherente?s?) ",
    ),
)
"""An intermediary that recruits for an employer."""
SCHOOL_WORDS: Final = re.compile(
    r" (?:ecoles?|cfa|campus|centres? de formation|organisme de formation|institut|academy|business school"
    r"|maison familiale|mfr|geiq|greta|lycee|universite) "
)

_NOT: Final = r" (?:pas|ni|aucun|aucune|hors|sans|contre|jamais) "
NETWORK: Final = (
    _phrase(
        "marketing de reseau,network marketing,multiniveau,multi niveau,mlm,pyramidal",
        r" marketing (?:de reseau(?! ?x)|multi ?niveaux?) | network marketing | vente (?:multi ?niveaux?"
        r"|pyramidale) | mlm ",
        denied=_NOT,
    ),
    _phrase(
        "vdi,independant,auto entrepreneu,micro entrepreneu,agent commercial,patron",
        r" (?:statut|devenez|en tant que|comme) (?:de |d )?vdi | vdi a domicile "
        r"| vendeu[a-z]+ (?:a domicile )independante?s? "
        r"| (?:sous|en|votre|avec) (?:le |un )?statut (?:de |d )?(?:vdi|auto entrepreneu[a-z]+"
        r"|micro entrepreneu[a-z]+|independante?"
        r"|travailleu[a-z]+ independante?|agent commercial|mandataire)"
        r"| devenez (?:votre propre patron|independante?|auto entrepreneu[a-z]+|mandataire)",
        r" (?:client|artisans|accompagn|declaration|conseill)",
        denied=_NOT,
    ),
    _phrase(
        "revenu,gagne",
        r" revenus? (?:complementaires? )?(?:illimites?|passifs?|residuels?)"
        r"| gagne[rz] (?:[a-z]+ ){0,3}\d{4,6} (?:euros|eur) (?:[a-z]+ ){0,4}(?:sans (?:effort|experience|diplome)"
        r"|depuis (?:chez|votre)"
        r"|a domicile|facilement|rapidement) ",
        denied=_NOT,
    ),
)  # fmt: skip
"""Network selling and self-employment, which no apprenticeship is."""

_DEAR_PHONE: Final = re.compile(
    r"(?<![\d.,])(?:(?:\+|00)\s?33\s?(?:\(0\)\s?)?|0)[\s.\-/]?8[\s.\-/]?9[\s.\-/]?\d(?:[\s.\-/]?\d){6}(?!\d)"
)
_PAID_PHONE: Final = re.compile(
    r"(?<![\d.,])(?:(?:\+|00)\s?33\s?(?:\(0\)\s?)?|0)[\s.\-/]?8[\s.\-/]?[12][\s.\-/]?\d(?:[\s.\-/]?\d){6}(?!\d)"
)


def dear_phone(raw: str) -> str | None:
    """The first digits of a number whose calls are charged at the highest rate (089); never the whole number."""
    return "089…" if "8" in raw and _DEAR_PHONE.search(raw) else None


def paid_phone(raw: str) -> str | None:
    """The first digits of a number whose calls cost more than usual (081, 082)."""
    return "081…, 082…" if "8" in raw and _PAID_PHONE.search(raw) else None
