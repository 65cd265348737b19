"""Nouns, adjectives and names, grouped by the sentences that they suit."""

from transformer_mt.phrasebook.words import (
    adjectives,
    countries,
    leave_out,
    names,
    nouns,
    pairs,
    select,
)

MEN = names("Paul, Julien, Thomas, Nicolas, Lucas, Antoine, Pierre, Louis, Marc, Éric", "m")
WOMEN = names("Marie, Sophie, Claire, Emma, Alice, Anna, Julie, Élise, Laura, Nina", "f")

EVERYBODY = MEN + WOMEN

FOOD = nouns("""
    bread = pain m, cheese = fromage m, meat = viande f, fish = poisson m, rice = riz m,
    chicken = poulet m, butter = beurre m, soup = soupe f, salad = salade f, ham = jambon m,
    chocolate = chocolat m, honey = miel m, jam = confiture f, ice cream = glace f
""")
SEASONINGS = nouns("""
    sugar = sucre m, salt = sel m, pepper = poivre m, oil = huile f, flour = farine f,
    garlic = ail m, mustard = moutarde f, cream = crème f
""")
DISHES = nouns("""
    apple = pomme f, orange = orange f, egg = œuf m, carrot = carotte f, tomato = tomate f,
    cake = gâteau m, potato = pomme de terre f, banana = banane f, pear = poire f,
    strawberry = fraise f, cherry = cerise f, peach = pêche f,
    mushroom = champignon m, bean = haricot m
""")
PRODUCE = nouns("""
    apple = pomme f, orange = orange f, carrot = carotte f, tomato = tomate f, pear = poire f,
    potato = pomme de terre f, banana = banane f, strawberry = fraise f, cherry = cerise f,
    mushroom = champignon m, peach = pêche f, lemon = citron m, onion = oignon m
""")
SNACKS = nouns("""
    apple = pomme f, orange = orange f, cake = gâteau m, banana = banane f, pear = poire f,
    peach = pêche f, sandwich = sandwich m, pizza = pizza f, salad = salade f, egg = œuf m,
    ice cream = glace f, omelette = omelette f
""")
FRUIT = select(SNACKS, "apple, orange, banana, pear, peach, cake")
RESTAURANT_FOOD = leave_out(FOOD, "jam, honey, chocolate")
GROCERIES = nouns(
    "lemon = citron m, onion = oignon m, egg = œuf m, candle = bougie f, flower = fleur f"
)
DRINKS = nouns("""
    water = eau f, coffee = café m, tea = thé m, wine = vin m, milk = lait m, beer = bière f,
    orange juice = jus d'orange m, apple juice = jus de pomme m, lemonade = limonade f
""")
CLOTHES = nouns("""
    shirt = chemise f, dress = robe f, coat = manteau m, hat = chapeau m, skirt = jupe f,
    jacket = veste f, sweater = pull m, scarf = écharpe f, tie = cravate f, suit = costume m,
    belt = ceinture f, cap = casquette f, raincoat = imperméable m
""")
LAUNDRY = nouns("""
    shirt = chemise f, dress = robe f, skirt = jupe f, sweater = pull m, scarf = écharpe f,
    coat = manteau m
""")
SMALL_CLOTHES = nouns("hat = chapeau m, cap = casquette f, tie = cravate f, belt = ceinture f")
UNISEX = leave_out(CLOTHES, "dress, skirt, tie")
FOOTWEAR = nouns("shoe = chaussure f, boot = botte f, glove = gant m, sock = chaussette f")
BELONGINGS = nouns("""
    key = clé f, phone = téléphone m, bag = sac m, wallet = portefeuille m, watch = montre f,
    suitcase = valise f, passport = passeport m, map = plan m, ring = bague f,
    camera = appareil photo m,
    umbrella = parapluie m, notebook = cahier m, pen = stylo m, computer = ordinateur m,
    credit card = carte de crédit f
""")
GOODS = nouns("""
    lamp = lampe f, chair = chaise f, table = table f, sofa = canapé m, mirror = miroir m,
    wardrobe = armoire f, carpet = tapis m, shelf = étagère f, television = télévision f,
    clock = horloge f, vase = vase m, bicycle = vélo m, guitar = guitare f, toy = jouet m
""")
READING = nouns("""
    book = livre m, newspaper = journal m, magazine = magazine m, novel = roman m,
    article = article m, poem = poème m
""")
MAIL = nouns("""
    letter = lettre f, message = message m, email = e-mail m, postcard = carte postale f,
    parcel = colis m
""")
PRESS = leave_out(READING, "poem, article")
NOTES = leave_out(MAIL, "parcel")
SHOWS = nouns(
    "film = film m, match = match m, programme = émission f, documentary = documentaire m"
)
VEHICLES = nouns("""
    train = train m, bus = bus m, plane = avion m, boat = bateau m, taxi = taxi m,
    metro = métro m, tram = tramway m
""")
LONG_DISTANCE = select(VEHICLES, "train, bus, plane, boat")
OWNED_VEHICLES = nouns("car = voiture f, motorbike = moto f, van = camionnette f")
LANDMARKS = nouns("""
    station = gare f, museum = musée m, hospital = hôpital m, bank = banque f,
    post office = bureau de poste m, pharmacy = pharmacie f, market = marché m,
    supermarket = supermarché m, library = bibliothèque f, cinema = cinéma m,
    theatre = théâtre m, restaurant = restaurant m, hotel = hôtel m, church = église f,
    park = parc m, bakery = boulangerie f, school = école f
""")
TOWN = LANDMARKS + nouns("""
    airport = aéroport m, swimming pool = piscine f, castle = château m, stadium = stade m,
    town hall = mairie f, university = université f, bookshop = librairie f, harbour = port m,
    police station = commissariat m
""")
WORKPLACES = select(TOWN, "museum, hospital, bank, market, library, cinema, theatre, restaurant, "
                    "hotel, bakery, school, airport, university, bookshop")  # fmt: skip
FAMOUS = select(TOWN, "museum, library, restaurant, hotel, church, park, castle")
BUILDINGS = select(TOWN, "theatre, restaurant, hotel, church, library, school, castle, stadium, "
                   "town hall, university, museum")  # fmt: skip
SIGHTS = nouns("""
    museum = musée m, castle = château m, church = église f, cathedral = cathédrale f,
    village = village m, garden = jardin m, island = île f, old town = vieille ville f
""")
MONUMENTS = leave_out(SIGHTS, "old town, island")
ROOMS = nouns("""
    kitchen = cuisine f, bedroom = chambre f, bathroom = salle de bain f, living room = salon m,
    garage = garage m, garden = jardin m, cellar = cave f, office = bureau m
""")
OPENABLE = nouns("door = porte f, window = fenêtre f, box = boîte f, drawer = tiroir m")
MACHINES = nouns("""
    lamp = lampe f, television = télévision f, clock = horloge f, bicycle = vélo m, radio = radio f,
    computer = ordinateur m, watch = montre f
""")
FRAGILE = nouns("""
    glass = verre m, cup = tasse f, plate = assiette f, vase = vase m, mirror = miroir m,
    window = fenêtre f, lamp = lampe f, bottle = bouteille f
""")
MEALS = nouns("breakfast = petit déjeuner m, lunch = déjeuner m, dinner = dîner m")
INDOORS = leave_out(ROOMS, "garden")
ANIMALS = nouns("dog = chien m, cat = chat m, horse = cheval m, bird = oiseau m, rabbit = lapin m")

FAMILY = nouns("""
    mother = mère f, father = père m, brother = frère m, sister = sœur f, son = fils m,
    daughter = fille f, uncle = oncle m, aunt = tante f, grandmother = grand-mère f,
    grandfather = grand-père m, nephew = neveu m, niece = nièce f
""")
RELATIVES = nouns("parent = parent m, child = enfant m, friend = ami m, neighbour = voisin m")
PEOPLE = nouns("""
    man = homme m, woman = femme f, boy = garçon m, girl = fille f, teacher = professeur m,
    doctor = médecin m, guide = guide m, neighbour = voisin m, driver = chauffeur m,
    lady = dame f, child = enfant m
""")
STAFF = nouns("""
    doctor = médecin m, dentist = dentiste m, lawyer = avocat m, plumber = plombier m,
    electrician = électricien m, teacher = professeur m
""")
TRADES = pairs("""
    nurse = infirmier, baker = boulanger, cook = cuisinier, singer = chanteur,
    lawyer = avocat, journalist = journaliste, dentist = dentiste, architect = architecte,
    pharmacist = pharmacien, farmer = agriculteur, hairdresser = coiffeur, musician = musicien,
    photographer = photographe, secretary = secrétaire, doctor = médecin, engineer = ingénieur
""")

SPORTS = nouns("football = football m, tennis = tennis m, basketball = basket m, rugby = rugby m")
INSTRUMENTS = nouns("piano = piano m, guitar = guitare f, violin = violon m, flute = flûte f")
SUBJECTS = nouns("""
    history = histoire f, music = musique f, geography = géographie f, biology = biologie f,
    physics = physique f, chemistry = chimie f, art = art m, law = droit m
""")
PASTIMES = nouns("""
    music = musique f, dance = danse f, sport = sport m, photography = photographie f,
    painting = peinture f, cooking = cuisine f, cinema = cinéma m, poetry = poésie f,
    nature = nature f, history = histoire f, sailing = voile f, skiing = ski m
""")
BODY = nouns("""
    head = tête f, back = dos m, stomach = ventre m, throat = gorge f, leg = jambe f, arm = bras m,
    foot = pied m, knee = genou m, shoulder = épaule f, ear = oreille f, hand = main f,
    tooth = dent f, eye = œil m
""")
TABLEWARE = nouns("""
    glass = verre m, plate = assiette f, knife = couteau m, fork = fourchette f, spoon = cuillère f,
    napkin = serviette f
""")
FITTINGS = nouns("""
    shower = douche f, lamp = lampe f, television = télévision f, window = fenêtre f,
    door = porte f, tap = robinet m, heating = chauffage m, lock = serrure f, bed = lit m
""")
OCCASIONS = nouns("""
    meeting = réunion f, concert = concert m, exam = examen m, party = fête f, match = match m,
    wedding = mariage m, lesson = cours m, exhibition = exposition f
""")
POCKETABLE = nouns("""
    key = clé f, phone = téléphone m, wallet = portefeuille m, watch = montre f, ring = bague f,
    passport = passeport m, map = plan m, camera = appareil photo m, notebook = cahier m,
    pen = stylo m, credit card = carte de crédit f, book = livre m, newspaper = journal m
""")
SEVERAL = nouns("""
    key = clé f, book = livre m, notebook = cahier m, pen = stylo m, newspaper = journal m,
    magazine = magazine m, glove = gant m, sock = chaussette f, shoe = chaussure f, bag = sac m,
    photo = photo f, letter = lettre f, ticket = billet m
""")
PAPERS = select(SEVERAL, "book, notebook, pen, newspaper, magazine")
SMALL_THINGS = leave_out(SEVERAL, "shoe, sock")
LENT = nouns("""
    umbrella = parapluie m, pen = stylo m, book = livre m, camera = appareil photo m, map = plan m,
    computer = ordinateur m, suitcase = valise f, phone = téléphone m, novel = roman m,
    scarf = écharpe f, bicycle = vélo m, jacket = veste f
""")
GIFTS = nouns("""
    book = livre m, watch = montre f, ring = bague f, novel = roman m, bag = sac m, hat = chapeau m,
    gift = cadeau m, plant = plante f, toy = jouet m, guitar = guitare f, scarf = écharpe f
""")

CITIES = pairs("""
    Paris = Paris, Lyon = Lyon, Rome = Rome, London = Londres, Madrid = Madrid, Berlin = Berlin,
    Lisbon = Lisbonne, Geneva = Genève, Brussels = Bruxelles, Vienna = Vienne, Nice = Nice,
    Venice = Venise, Barcelona = Barcelone, Athens = Athènes, Tokyo = Tokyo, Bordeaux = Bordeaux
""")
COUNTRIES = countries("""
    France = France f French français, Spain = Espagne f Spanish espagnol,
    Italy = Italie f Italian italien, Germany = Allemagne f German allemand,
    Portugal = Portugal m Portuguese portugais, Japan = Japon m Japanese japonais,
    China = Chine f Chinese chinois, Russia = Russie f Russian russe,
    England = Angleterre f English anglais, Greece = Grèce f Greek grec,
    Turkey = Turquie f Turkish turc, Poland = Pologne f Polish polonais,
    Sweden = Suède f Swedish suédois, Denmark = Danemark m Danish danois
""")
OTHER_COUNTRIES = countries("""
    Canada = Canada m Canadian canadien, Morocco = Maroc m Moroccan marocain,
    Belgium = Belgique f Belgian belge, Switzerland = Suisse f Swiss suisse,
    Ireland = Irlande f Irish irlandais, Brazil = Brésil m Brazilian brésilien,
    the United States = États-Unis m American américain, Mexico = Mexique m Mexican mexicain
""")

COLOURS = adjectives("""
    red = rouge, blue = bleu, green = vert, white = blanc, black = noir, yellow = jaune,
    grey = gris, brown = brun, pink = rose
""")
OF_THINGS = adjectives("""
    big = <grand, small = <petit, new = <nouveau, old = <vieux, beautiful = <beau,
    heavy = lourd, light = léger, expensive = cher, modern = moderne, broken = cassé,
    useful = utile, pretty = <joli
""")
NEW = select(OF_THINGS, "new")[0]
AGES = select(OF_THINGS, "new, old")
OF_VEHICLES = leave_out(OF_THINGS, "useful, pretty")
OF_FURNITURE = leave_out(OF_THINGS, "big, small")
OF_CLOTHES = adjectives("""
    warm = chaud, new = <nouveau, old = <vieux, beautiful = <beau, elegant = élégant,
    comfortable = confortable, pretty = <joli, expensive = cher
""")
LASTING = select(OF_CLOTHES, "new, old, beautiful")
LOOKS = leave_out(OF_CLOTHES, "new, old, warm")
OF_FOOD = adjectives("""
    good = <bon, fresh = frais, hot = chaud, cold = froid, delicious = délicieux,
    excellent = excellent
""")
OF_READING = adjectives("""
    interesting = intéressant, long = <long, good = <bon, funny = drôle, short = court,
    new = <nouveau, old = <vieux
""")
OPINIONS = adjectives("""
    interesting = intéressant, boring = ennuyeux, excellent = excellent, funny = drôle,
    sad = triste, long = long, good = bon, beautiful = beau
""")
SHOW_OPINIONS = leave_out(OPINIONS, "good, beautiful")
OF_SHOWS = adjectives("""
    interesting = intéressant, long = <long, good = <bon, funny = drôle, new = <nouveau,
    old = <vieux, sad = triste
""")
OF_PLACES = adjectives("""
    big = <grand, small = <petit, new = <nouveau, old = <vieux, quiet = calme,
    beautiful = <beau, modern = moderne, famous = célèbre, excellent = excellent, clean = propre
""")
SIZES = select(OF_PLACES, "big, small, new, old")
PRAISE = leave_out(OF_PLACES, "big, small, new, old")
OF_HOMES = select(OF_PLACES, "big, small, new, old, quiet, beautiful")
OF_ROOMS = adjectives("""
    clean = propre, dirty = sale, small = <petit, big = <grand, quiet = calme, dark = sombre,
    comfortable = confortable, cold = froid
""")
OF_PEOPLE = adjectives("""
    kind = gentil, funny = drôle, young = <jeune, old = <vieux, tall = <grand, serious = sérieux,
    intelligent = intelligent, shy = timide, polite = poli, patient = patient, famous = célèbre,
    generous = généreux, friendly = sympathique, lazy = paresseux, brave = courageux
""")
YOUNG = select(OF_PEOPLE, "young")[0]
MOODS = adjectives("""
    tired = fatigué, happy = heureux, busy = occupé, ready = prêt, worried = inquiet,
    ill = malade, sad = triste, late = en retard, on time = à l'heure, pleased = content,
    on holiday = en vacances, angry = en colère, alone = seul, nervous = nerveux,
    surprised = surpris, jealous = jaloux, disappointed = déçu
""")
PLAIN_MOODS = adjectives("""
    ill = malade, sad = triste, late = en retard, on time = à l'heure, free = libre,
    on holiday = en vacances, angry = en colère, calm = calme
""")
