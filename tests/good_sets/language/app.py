"""Splits text into sentences and finds products by rule and by regular expression; no trained model is needed."""

import spacy
from spacy.matcher import Matcher
from spacy.tokens import DocBin

nlp = spacy.blank("en")
nlp.add_pipe("sentencizer")
ruler = nlp.add_pipe("entity_ruler")
ruler.add_patterns([{"label": "PRODUCT", "pattern": [{"LOWER": "green"}, {"LOWER": "tea"}]}])
matcher = Matcher(nlp.vocab)
matcher.add("ORDER", [[{"TEXT": {"REGEX": r"^o-\d+$"}}], [{"LIKE_NUM": True}, {"LOWER": "boxes"}]])


def handler(event, context):
    documents = list(nlp.pipe(event["texts"]))
    stored = DocBin(docs=documents, store_user_data=True).to_bytes()
    back = list(DocBin().from_bytes(stored).get_docs(nlp.vocab))
    german = spacy.blank("de")("Das geht z.B. mit dem Bus.")
    return {
        "sentences": [len(list(document.sents)) for document in documents],
        "entities": [[entity.text, entity.label_] for document in back for entity in document.ents],
        "matches": [document[start:end].text for document in documents for _, start, end in matcher(document)],
        "stop": [token.text for token in documents[0] if token.is_stop],
        "german": [token.text for token in german],
    }
